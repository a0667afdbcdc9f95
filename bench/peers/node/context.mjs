// The context of an invocation that has this many milliseconds left.
export function context(left = 30_000) {
  const deadline = Date.now() + left;
  return {
    awsRequestId: '8f14e45f-ceea-467f-a0e6-c5d1b7a6b1c2',
    functionName: 'peers',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:peers',
    memoryLimitInMB: '512',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}
