// The environment variables that the reference system wants, and those by which it
// knows that it runs in Lambda.
process.env.AWS_LAMBDA_FUNCTION_NAME ??= 'peers';
process.env.AWS_REGION ??= 'eu-west-1';
Object.assign(process.env, {
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x',
  LAMBDA_TASK_ROOT: process.cwd(),
  AWS_LAMBDA_RUNTIME_API: process.env.AWS_LAMBDA_RUNTIME_API ?? '127.0.0.1:9001',
  NODE_ENV: 'prod',
  APP_NAME: 'peers',
  LOG_LEVEL: 'info',
  EVENT_SOURCE_DISABLED: 'false',
  ATTRIBUTE_LIMIT_SIZE: '102400',
  S3_BUCKET_NAME: 'bucket',
  SFN_COMMAND_ARN: 'arn:aws:states:eu-west-1:123456789012:stateMachine:command',
  SES_FROM_EMAIL: 'shop@example.com',
  APPSYNC_ENDPOINT: 'https://api.example.com/graphql',
});
