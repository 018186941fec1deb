-- Authentications, successful or not: the objects of an S3 delivery in json with all fields, in our own layout (docs/audit.md).
-- Replace BUCKET, ACCOUNT, REGION and ORGANIZATION; a bucket's own prefix goes between BUCKET and AWSLogs.
CREATE EXTERNAL TABLE workmail_authentication (
  `event_timestamp`          bigint,
  `request_id`               string,
  `organization_arn`         string,
  `user_id`                  string,
  `user`                     string,
  `protocol`                 string,
  `source_ip`                string,
  `user_agent`               string,
  `method`                   string,
  `auth_successful`          boolean,
  `auth_failed_reason`       string,
  `personal_access_token_id` string
)
PARTITIONED BY (`organization` string, `datehour` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/AWSLogs/ACCOUNT/WorkMail/REGION/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.organization.type' = 'enum',
  'projection.organization.values' = 'ORGANIZATION',
  'projection.datehour.type' = 'date',
  'projection.datehour.format' = 'yyyy/MM/dd/HH',
  'projection.datehour.interval' = '1',
  'projection.datehour.interval.unit' = 'HOURS',
  'projection.datehour.range' = 'NOW-400DAYS,NOW+1HOURS',
  'storage.location.template' = 's3://BUCKET/AWSLogs/ACCOUNT/WorkMail/REGION/${organization}/AUTHENTICATION_LOGS/${datehour}/'
);
