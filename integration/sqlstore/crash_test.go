package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
)

var errCrashed = errors.New("the process is gone")

// process is one that ends before or after a statement, a begin or a commit of
// its: from then on it does nothing, until it is restarted.
type process struct {
	mu     sync.Mutex
	step   int
	crash  map[int]bool // by step; true: after the effect
	halted bool
}

func (p *process) do(effect func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.halted {
		return errCrashed
	}
	p.step++
	after, crash := p.crash[p.step]
	if crash && !after {
		p.halted = true
		return errCrashed
	}
	err := effect()
	if crash {
		p.halted = true
		return errCrashed
	}
	if errors.Is(err, sql.ErrConnDone) {
		return driver.ErrBadConn // a context ended in the middle of it
	}
	return err
}

func (p *process) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted = false
}

// of returns the database as the process reaches it. What is open when it ends is
// rolled back. The caller closes it.
func (p *process) of(db *sql.DB) *sql.DB { return sql.OpenDB(&crashConnector{db: db, process: p}) }

type crashConnector struct {
	db      *sql.DB
	process *process
}

func (c *crashConnector) Driver() driver.Driver { return c.db.Driver() }

func (c *crashConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &crashConn{conn: conn, process: c.process}, nil
}

// crashConn is a connection on top of another's.
type crashConn struct {
	conn    *sql.Conn
	tx      *sql.Tx
	process *process
}

type statements interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (c *crashConn) current() statements {
	if c.tx != nil {
		return c.tx
	}
	return c.conn
}

func (c *crashConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.process.do(func() error { result, err = c.current().ExecContext(ctx, query, plain(args)...); return err })
	return result, err
}

func (c *crashConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	var rows *sql.Rows
	err := c.process.do(func() (err error) {
		rows, err = c.current().QueryContext(ctx, query, plain(args)...) //nolint:sqlclosecheck,rowserrcheck // by crashRows
		return err
	})
	if err != nil {
		if rows != nil {
			_ = rows.Close()
		}
		return nil, err
	}
	return &crashRows{rows}, nil
}

func plain(named []driver.NamedValue) []any {
	args := make([]any, len(named))
	for i, value := range named {
		args[i] = value.Value
	}
	return args
}

func (c *crashConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	var tx *sql.Tx
	err := c.process.do(func() (err error) { tx, err = c.conn.BeginTx(ctx, nil); return err })
	if err != nil {
		if tx != nil {
			_ = tx.Rollback()
		}
		return nil, err
	}
	c.tx = tx
	return &crashTx{c}, nil
}

func (c *crashConn) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }
func (c *crashConn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (c *crashConn) Close() error                        { return c.conn.Close() }

type crashTx struct{ conn *crashConn }

func (t *crashTx) Commit() error {
	err := t.conn.process.do(t.conn.tx.Commit)
	return errors.Join(err, t.end())
}

func (t *crashTx) Rollback() error { return t.end() }

// end rolls back what is still open.
func (t *crashTx) end() error {
	err := t.conn.tx.Rollback()
	t.conn.tx = nil
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// crashRows are rows on top of others.
type crashRows struct{ *sql.Rows }

func (r *crashRows) Columns() []string {
	columns, _ := r.Rows.Columns()
	return columns
}

func (r *crashRows) Next(values []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	into := make([]any, len(values))
	for i := range values {
		into[i] = new(any)
	}
	if err := r.Scan(into...); err != nil {
		return err
	}
	for i := range values {
		values[i] = *into[i].(*any)
	}
	return nil
}
