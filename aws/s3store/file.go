package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
)

// Save downloads the object of an S3 event into a directory, under [LocalName] of
// its key, and returns that name. Directories are made as needed. The file appears
// under its name only when all of it is there, and replaces one of that name.
// os.Root keeps it inside the directory, whatever symbolic links there are.
// Errors are those of [Store.Open] and LocalName.
func (s *Store) Save(ctx context.Context, record *events.S3EventRecord, into *os.Root) (name string, err error) {
	ref, err := RefOf(record)
	if err != nil {
		return "", err
	}
	if name, err = LocalName(ref.Key); err != nil {
		return "", err
	}
	object, err := s.Open(ctx, record)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	if err := into.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", fmt.Errorf("s3store: save %s: %w", ref, err)
	}
	partial := fmt.Sprintf("%s.%016x.partial", name, rand.Uint64()) //nolint:gosec // it is no secret
	if err := write(into, partial, object); err != nil {
		return "", errors.Join(fmt.Errorf("s3store: save %s: %w", ref, err), withoutMissing(into.Remove(partial)))
	}
	if err := into.Rename(partial, name); err != nil {
		return "", errors.Join(fmt.Errorf("s3store: save %s: %w", ref, err), withoutMissing(into.Remove(partial)))
	}
	return name, nil
}

func write(into *os.Root, name string, from io.Reader) error {
	file, err := into.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}

func withoutMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// LocalName is the file name, relative and in the form of the system, for an
// object's key as S3 itself has it. It never decodes: a "%2e" in a key is just
// that. A key that does not name one file inside a directory on every system is
// [ErrUnsafeName], as a permanent error: one that is absolute, is empty or ends
// with a slash, has an empty part or one that is "." or "..", or contains a
// backslash, a colon, a control character, or what is not UTF-8.
func LocalName(key string) (string, error) {
	unsafe := func(why string) (string, error) {
		return "", cqrs.Permanent(fmt.Errorf("%w: %.256q %s", ErrUnsafeName, key, why))
	}
	switch {
	case key == "":
		return unsafe("is empty")
	case !utf8.ValidString(key):
		return unsafe("is not UTF-8")
	case strings.HasPrefix(key, "/"):
		return unsafe("is absolute")
	case strings.HasSuffix(key, "/"):
		return unsafe("is a folder")
	case strings.ContainsAny(key, `\:`):
		return unsafe("contains a backslash or a colon")
	case strings.ContainsFunc(key, unicode.IsControl):
		return unsafe("contains a control character")
	case slices.ContainsFunc(strings.Split(key, "/"), isNoName):
		return unsafe("has an empty part, or one that is . or ..")
	}
	name, err := filepath.Localize(key)
	if err != nil || !filepath.IsLocal(name) {
		return unsafe("is no local name")
	}
	return name, nil
}

func isNoName(part string) bool { return part == "" || part == "." || part == ".." }
