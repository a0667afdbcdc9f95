package sfntask_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
)

// printer stands for a *sfn.Client whose task has timed out when the second report
// comes.
type printer struct{ reports int }

func (p *printer) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	if p.reports++; p.reports > 1 {
		return nil, &types.TaskTimedOut{}
	}
	fmt.Println("success", *in.Output)
	return &sfn.SendTaskSuccessOutput{}, nil
}

func (p *printer) SendTaskFailure(_ context.Context, in *sfn.SendTaskFailureInput, _ ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error) {
	p.reports++
	fmt.Println("failure", *in.Error, *in.Cause)
	return &sfn.SendTaskFailureOutput{}, nil
}

func (*printer) SendTaskHeartbeat(context.Context, *sfn.SendTaskHeartbeatInput, ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error) {
	return &sfn.SendTaskHeartbeatOutput{}, nil
}

// With a real client it is sfntask.New(sfn.NewFromConfig(cfg)), for Policy.Callback.
func ExampleNew() {
	ctx, token := context.Background(), cqrs.TaskToken("AQCEAAAAKgAAAAMAAAAA")

	callback := sfntask.New(&printer{})
	fmt.Println(callback.Success(ctx, token, []byte(`{"orderId":"o-1"}`)))
	err := callback.Success(ctx, token, []byte(`{"orderId":"o-1"}`))
	fmt.Println("closed:", errors.Is(err, cqrs.ErrTaskClosed))

	callback = sfntask.New(&printer{})
	fmt.Println(callback.Failure(ctx, token, "States.CardDeclined", "no money"))

	// Output:
	// success {"orderId":"o-1"}
	// <nil>
	// closed: true
	// failure CardDeclined no money
	// <nil>
}
