// The environment variables that the reference system wants, and those by which it
// knows that it runs in Lambda.
const environment = {
  AWS_LAMBDA_FUNCTION_NAME: 'peers',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
  AWS_REGION: 'eu-west-1',
  NODE_ENV: 'prod',
  APP_NAME: 'peers',
  LOG_LEVEL: 'info',
  EVENT_SOURCE_DISABLED: 'false',
  ATTRIBUTE_LIMIT_SIZE: '102400',
  S3_BUCKET_NAME: 'bucket',
  SFN_COMMAND_ARN: 'arn:aws:states:eu-west-1:123456789012:stateMachine:command',
  SES_FROM_EMAIL: 'shop@example.com',
  APPSYNC_ENDPOINT: 'https://api.example.com/graphql',
};
for (const [name, value] of Object.entries(environment)) process.env[name] ??= value;
