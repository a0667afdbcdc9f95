// Package integration holds the tests of what needs a real server or a driver:
// PostgreSQL, SQLite, an implementation of DynamoDB, one of S3. Its module carries
// the dependencies that only they have.
package integration
