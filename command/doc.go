// Package command is the write side: commands with optimistic locking.
//
// A [Service] appends versions of aggregates to a [Store]; the stream of the
// command table takes them to the read models, by way of a cqrs.DataSync. A
// version is never changed: what is published is the next one, and of two writers
// who read the same version exactly one publishes its successor. The other gets a
// *cqrs.VersionConflict.
//
//	orders := command.New(command.Config[Order]{Store: store})
//	created, err := orders.Publish(ctx, cqrs.Command[Order]{Key: key, Attributes: Order{Total: 100}})
//
// The tables and their keys are those of the reference system: <prefix>-<module>-command,
// -data and -history, pk = TYPE#tenant, and sk, with @version behind it in the
// command and history tables. [NewKey] makes keys.
package command
