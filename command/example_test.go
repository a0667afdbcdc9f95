package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

type Account struct {
	Owner   string `json:"owner"`
	Balance int    `json:"balance"`
	Note    string `json:"note,omitempty"`
}

func accountKey(name string) cqrs.Key {
	key, err := command.NewKey("ACCOUNT", "acme", name)
	if err != nil {
		panic(err)
	}
	return key
}

// Of two writers who read the same version, one publishes the next.
func Example() {
	ctx := context.Background()
	accounts := command.New(command.Config[Account]{Store: command.NewMemory()})
	created, err := accounts.Publish(ctx, cqrs.Command[Account]{Key: accountKey("savings"), Attributes: Account{Owner: "Ann"}})
	fmt.Println(created.Version, err)

	mine, yours := created, created
	mine.Attributes.Balance = 10
	mine, err = accounts.Publish(ctx, mine)
	fmt.Println(mine.Version, err)
	yours.Attributes.Balance = 99
	_, err = accounts.Publish(ctx, yours)
	fmt.Println(errors.Is(err, cqrs.ErrVersionConflict), err)
	// Output:
	// 1 <nil>
	// 2 <nil>
	// true cqrs: version conflict at ACCOUNT#acme savings: expected version 1, found 2; read it again and decide anew
}

// PublishSync has written the data when it returns.
func ExampleService_PublishSync() {
	ctx := context.Background()
	accounts := command.New(command.Config[Account]{
		Store: command.NewMemory(),
		Actor: func(context.Context) command.Actor { return command.Actor{ID: "ann", IP: "192.0.2.1"} },
	})
	if _, err := accounts.PublishSync(ctx, cqrs.Command[Account]{Key: accountKey("savings"), Attributes: Account{Balance: 5}}); err != nil {
		fmt.Println(err)
	}
	account, err := accounts.Get(ctx, accountKey("savings"))
	fmt.Println(account.Version, account.Attributes.Balance, account.CreatedBy, err)
	// Output: 1 5 ann <nil>
}

// Update decides anew where somebody else was faster.
func ExampleService_Update() {
	ctx := context.Background()
	accounts := command.New(command.Config[Account]{Store: command.NewMemory()})
	_, _ = accounts.PublishSync(ctx, cqrs.Command[Account]{Key: accountKey("savings"), Attributes: Account{Balance: 5}})
	withdraw := func(amount int) error {
		_, err := accounts.Update(ctx, accountKey("savings"), func(c *cqrs.Command[Account]) error {
			if c.Attributes.Balance < amount {
				return errors.New("insufficient funds")
			}
			c.Attributes.Balance -= amount
			return nil
		})
		return err
	}
	fmt.Println(withdraw(3), withdraw(3))
	// Output: <nil> insufficient funds
}

func ExampleService_PublishPartial() {
	ctx := context.Background()
	accounts := command.New(command.Config[Account]{Store: command.NewMemory()})
	_, _ = accounts.PublishSync(ctx, cqrs.Command[Account]{Key: accountKey("savings"), Attributes: Account{Owner: "Ann", Note: "new"}})
	changed, err := accounts.PublishPartial(ctx, command.Patch{
		Key: accountKey("savings"), Version: 1,
		Attributes: json.RawMessage(`{"balance": 7, "note": null}`),
	})
	fmt.Printf("%+v %v\n", changed.Attributes, err)
	// Output: {Owner:Ann Balance:7 Note:} <nil>
}

func ExampleService_History() {
	ctx := context.Background()
	accounts := command.New(command.Config[Account]{Store: command.NewMemory()})
	for balance := range 3 {
		_, _ = accounts.PublishSync(ctx, cqrs.Command[Account]{
			Key: accountKey("savings"), Version: command.Latest, Attributes: Account{Balance: 10 * balance},
		})
	}
	for account, err := range accounts.History(ctx, accountKey("savings")) {
		fmt.Println(account.Version, account.Attributes.Balance, err)
	}
	// Output:
	// 1 0 <nil>
	// 2 10 <nil>
	// 3 20 <nil>
}

// ledger is a read model.
type ledger struct{ target string }

func (l ledger) Up(_ context.Context, cmd cqrs.Command[Account]) error {
	fmt.Println(l.target, "up", cmd.SK, cmd.Version)
	return nil
}

func (l ledger) Down(_ context.Context, cmd cqrs.Command[Account]) error {
	fmt.Println(l.target, "down", cmd.SK, cmd.Version)
	return nil
}

// A read model is built anew beside the old one, verified, and then used.
func ExampleService_Rebuild() {
	ctx := context.Background()
	store := command.NewMemory()
	writer := command.New(command.Config[Account]{Store: store})
	for _, name := range []string{"current", "savings"} {
		_, _ = writer.PublishSync(ctx, cqrs.Command[Account]{Key: accountKey(name)})
	}
	_, _ = writer.PublishSync(ctx, cqrs.Command[Account]{Key: accountKey("savings"), Version: 1, Deleted: true})

	sync := cqrs.NewDataSync("prod-bank-account-command", cqrs.NewMemorySync(), cqrs.Target("ledger-v2", ledger{"v2"}))
	accounts := command.New(command.Config[Account]{Store: store, Sync: sync})
	for drift, err := range accounts.Verify(ctx, "ledger-v2") {
		fmt.Println(drift.Kind, drift.Key.SK, err)
	}
	rows, err := accounts.Rebuild(ctx, command.Rebuild{
		Targets: []string{"ledger-v2"}, PageSize: 1,
		Save: func(_ context.Context, c command.Checkpoint) error {
			fmt.Println("checkpoint", c.Rows, c.Finished())
			return nil
		},
	})
	fmt.Println(rows, err)
	for drift := range accounts.Verify(ctx, "ledger-v2") {
		fmt.Println(drift)
	}
	// Output:
	// missing current <nil>
	// missing savings <nil>
	// v2 up current 1
	// checkpoint 1 false
	// v2 down savings 2
	// checkpoint 2 true
	// 2 <nil>
}

func ExampleSequence() {
	invoices := command.Sequence{
		Counter: command.NewMemoryCounter(), Type: "invoice",
		Format: "%%code1%%-%%no#:0>5%%",
	}
	for range 2 {
		number, err := invoices.Next(context.Background(), "acme", "TYO")
		fmt.Println(number.No, number.Formatted, err)
	}
	// Output:
	// 1 TYO-00001 <nil>
	// 2 TYO-00002 <nil>
}

// A part of a key cannot be taken for two.
func ExampleNewKey() {
	_, err := command.NewKey("USER", "acme", "ann@example.com")
	fmt.Println(err)
	key, err := command.NewKey("USER", "acme", command.EscapePart("ann@example.com"))
	fmt.Println(key.PK, key.SK, err)
	// Output:
	// command: bad key: a part contains one of "#@": use EscapePart
	// USER#acme ann%40example.com <nil>
}

// A context that is confined to a tenant cannot name another one's keys.
func ExampleWithTenant() {
	accounts := command.New(command.Config[Account]{Store: command.NewMemory()})
	ctx := command.WithTenant(context.Background(), "other")
	_, err := accounts.Get(ctx, accountKey("savings"))
	fmt.Println(errors.Is(err, cqrs.ErrForeignTenant))
	// Output: true
}
