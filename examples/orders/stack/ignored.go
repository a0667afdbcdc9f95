package stack

// ignored tells whether a property means nothing in one process.
func ignored(property string) bool {
	switch property {
	case "AWS::DynamoDB::Table.PointInTimeRecoverySpecification", // nothing outlasts the process
		"AWS::S3::Bucket.PublicAccessBlockConfiguration", // nobody else has access
		"AWS::SQS::Queue.SqsManagedSseEnabled",           // nothing is written to a disk
		"AWS::Serverless::Function.CodeUri",              // the code is given
		"AWS::Serverless::Function.Handler",
		"AWS::Serverless::Function.Runtime",
		"AWS::Serverless::Function.Architectures",
		"AWS::Serverless::Function.MemorySize", // the process has what the machine has
		"AWS::Serverless::Function.Events",     // each is connected once the function is there
		"AWS::Serverless::Function.Policies",   // permissions are not checked
		"AWS::Serverless::StateMachine.Policies",
		"AWS::SQS::QueuePolicy.PolicyDocument",
		"AWS::SQS::QueuePolicy.Queues",
		"event SNS.RedrivePolicy", // within one process everything is delivered
		"event EventBridgeRule.DeadLetterConfig":
		return true
	}
	return false
}
