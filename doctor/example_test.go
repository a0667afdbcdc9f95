package doctor_test

import (
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/doctor"
)

type Notification struct {
	Recipient string `json:"recipient"`
}

// The mapping of this template deletes what fails, and nothing says so until it is
// missed.
func Example() {
	template := `
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 30
      Events:
        Notifications:
          Type: SQS
          Properties: {Queue: !GetAtt Notifications.Arn}
  Notifications:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 180
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Failed.Arn, maxReceiveCount: 5}
  Failed:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
`
	mux := cqrs.NewMux()
	cqrs.OnSQS[Notification](mux, cqrs.Queue("Notifications"))

	deployment, err := doctor.ReadTemplate([]byte(template), nil)
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range doctor.Check(doctor.Code{Config: cqrs.Config{Factory: mux}}, deployment) {
		fmt.Println(f.Severity, f.Rule, f.Resource)
		fmt.Println(f.Fix)
	}

	// Output:
	// error batch-failures-unreported Notifications
	// Add ReportBatchItemFailures to FunctionResponseTypes, or set Config.BatchMode to WholeBatch
}
