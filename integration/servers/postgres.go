package servers

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// PostgreSQL is a throw-away PostgreSQL. It keeps nothing and syncs nothing.
type PostgreSQL struct {
	address   string
	databases atomic.Int64
	stop      func() error
}

// StartPostgreSQL makes a cluster in a temporary directory and starts it. Its error
// matches [ErrMissing] where PostgreSQL is not installed.
func StartPostgreSQL() (*PostgreSQL, error) {
	programs, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cqrs-postgres-")
	if err != nil {
		return nil, err
	}
	p, err := startPostgres(programs, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// postgresPrograms is the directory of the newest PostgreSQL among Debian's
// packages, or of the one on PATH.
func postgresPrograms() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		slices.Sort(found)
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL: %w", ErrMissing)
	}
	return filepath.Dir(initdb), nil
}

func startPostgres(programs, dir string) (*PostgreSQL, error) {
	who, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := command(who, dir, filepath.Join(programs, "initdb"),
		"--pgdata="+data, "--username=cqrs", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	var output bytes.Buffer
	child := command(who, dir, filepath.Join(programs, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
		"-c", "full_page_writes=off", "-c", "max_connections=200")
	child.Stdout, child.Stderr = &output, &output
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- child.Wait()
		close(ended)
	}()
	p := &PostgreSQL{address: address, stop: func() error {
		err := child.Process.Signal(syscall.SIGQUIT)
		for range ended { // until it has ended
		}
		return errors.Join(err, os.RemoveAll(dir))
	}}
	if err := answers(address, ended); err != nil {
		_ = child.Process.Kill()
		return nil, fmt.Errorf("start PostgreSQL: %w: %s", err, bytes.TrimSpace(output.Bytes()))
	}
	if err := p.ready(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// unprivileged is who runs PostgreSQL, which refuses to be root; nil stands for
// whoever runs this. The directory becomes theirs.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func command(who *syscall.SysProcAttr, dir, program string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(context.Background(), program, arguments...) //nolint:gosec // PostgreSQL's own programs
	c.Dir, c.SysProcAttr = dir, who
	return c
}

// ready waits until it takes statements: it listens before it does.
func (p *PostgreSQL) ready() error {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for err = db.PingContext(ctx); err != nil && ctx.Err() == nil; {
		err = db.PingContext(ctx)
	}
	return errors.Join(err, db.Close())
}

func (p *PostgreSQL) url(database string) string {
	return fmt.Sprintf("postgres://cqrs@%s/%s?sslmode=disable", p.address, database)
}

// Create makes an empty database and returns its URL.
func (p *PostgreSQL) Create(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test_%d", p.databases.Add(1))
	admin, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return "", err
	}
	_, err = admin.ExecContext(ctx, "CREATE DATABASE "+name)
	return p.url(name), errors.Join(err, admin.Close())
}

// Open makes an empty database and opens it. The caller closes it.
func (p *PostgreSQL) Open(ctx context.Context) (*sql.DB, error) {
	url, err := p.Create(ctx)
	if err != nil {
		return nil, err
	}
	return sql.Open("pgx", url)
}

// Close stops the server and removes what it wrote.
func (p *PostgreSQL) Close() error { return p.stop() }
