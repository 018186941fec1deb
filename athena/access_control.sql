-- Evaluations of access rules: the objects of an S3 delivery in json with all fields, in our own layout (docs/audit.md).
-- Replace BUCKET, ACCOUNT, REGION and ORGANIZATION; a bucket's own prefix goes between BUCKET and AWSLogs.
CREATE EXTERNAL TABLE workmail_access_control (
  `event_timestamp`  bigint,
  `request_id`       string,
  `organization_arn` string,
  `user_id`          string,
  `impersonator_id`  string,
  `protocol`         string,
  `source_ip`        string,
  `scope`            string,
  `rule_id`          string,
  `access_granted`   boolean
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
  'storage.location.template' = 's3://BUCKET/AWSLogs/ACCOUNT/WorkMail/REGION/${organization}/ACCESS_CONTROL_LOGS/${datehour}/'
);
