package integration_test

import (
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
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// server is a throw-away PostgreSQL, started by the first test that needs it.
var server = &postgres{}

type postgres struct {
	once   sync.Once
	err    error
	dir    string
	port   int
	daemon *exec.Cmd
	made   int
	mu     sync.Mutex
}

// binaries finds the newest PostgreSQL of Debian's packages, or the one on PATH.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		slices.Sort(found)
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there is no PostgreSQL here: install Debian's package postgresql")
	}
	return filepath.Dir(initdb), nil
}

// as runs a program of PostgreSQL, which refuses to be root.
func as(dir, program string, arguments ...string) *exec.Cmd {
	command := exec.Command(program, arguments...)
	command.Dir = dir
	if os.Getuid() == 0 {
		if account, err := user.Lookup("postgres"); err == nil {
			uid, _ := strconv.ParseUint(account.Uid, 10, 32)
			gid, _ := strconv.ParseUint(account.Gid, 10, 32)
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
	}
	return command
}

func (p *postgres) start() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", "cqrs-postgres-"); err != nil {
		return err
	}
	if account, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 {
		uid, _ := strconv.Atoi(account.Uid)
		if err := os.Chown(p.dir, uid, -1); err != nil {
			return err
		}
	}
	data := filepath.Join(p.dir, "data")
	initdb := as(p.dir, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=cqrs", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	p.daemon = as(p.dir, filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200")
	if err := p.daemon.Start(); err != nil {
		return err
	}
	return p.wait()
}

// wait returns once the server answers.
func (p *postgres) wait() error {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if err = db.PingContext(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://cqrs@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

func (p *postgres) stop() {
	if p.daemon != nil && p.daemon.Process != nil {
		_ = p.daemon.Process.Signal(syscall.SIGQUIT)
		_ = p.daemon.Wait()
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// database returns a new, empty database of the server.
func (p *postgres) database(t *testing.T) *sql.DB {
	t.Helper()
	p.once.Do(func() { p.err = p.start() })
	if p.err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("left out, for lack of PostgreSQL: %v", p.err)
		}
		require.NoError(t, p.err)
	}
	p.mu.Lock()
	p.made++
	name := fmt.Sprintf("test_%d", p.made)
	p.mu.Unlock()
	admin, err := sql.Open("pgx", p.url("postgres"))
	require.NoError(t, err)
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	require.NoError(t, admin.Close())
	return opened(t, "pgx", p.url(name))
}

// sqlite returns a new, empty database in a file.
func sqlite(t *testing.T) *sql.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	return opened(t, "sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate")
}

func opened(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, sqlstore.Create(t.Context(), db))
	return db
}

// onEach runs the test on each database that sqlstore is for.
func onEach(t *testing.T, test func(t *testing.T, open func(t *testing.T) *sql.DB)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) *sql.DB{"PostgreSQL": server.database, "SQLite": sqlite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}
