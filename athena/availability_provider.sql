-- Calls of availability providers: the objects of an S3 delivery in json with all fields, in our own layout (docs/audit.md).
-- Replace BUCKET, ACCOUNT, REGION and ORGANIZATION; a bucket's own prefix goes between BUCKET and AWSLogs.
CREATE EXTERNAL TABLE workmail_availability_provider (
  `event_timestamp`               bigint,
  `request_id`                    string,
  `organization_arn`              string,
  `user_id`                       string,
  `type`                          string,
  `domain`                        string,
  `function_arn`                  string,
  `ews_endpoint`                  string,
  `error_message`                 string,
  `availability_event_successful` boolean
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
  'storage.location.template' = 's3://BUCKET/AWSLogs/ACCOUNT/WorkMail/REGION/${organization}/WORKMAIL_AVAILABILITY_PROVIDER_LOGS/${datehour}/'
);
