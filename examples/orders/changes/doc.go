// Package changes follows the streams of the data tables and of the user table: each
// change makes what is cached of it invalid, and then goes to the systems outside.
//
// Records come more than once, and an old one may come again behind a newer. So every
// effect carries a version and none goes back: a cache keeps out what is older than a
// change it was told of, and the systems outside refuse what is older than what they
// have.
package changes
