"""Audio in S3 (or a store that speaks like it) and rows in DynamoDB. The only place that knows boto3."""
