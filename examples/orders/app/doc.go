// Package app is the function: what it knows of AWS, which events it takes, and
// what is done about each. It is what a team copies to start with.
//
//	settings.go   the names that it finds in its environment
//	clients.go    the SDK's clients
//	shop.go       what handlers share: services, read models, ports
//	factory.go    which record is which event
//	registry.go   which event is whose
//	function.go   the function itself
package app
