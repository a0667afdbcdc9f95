package day

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"
)

// count is what has become of the events of one route.
type count struct {
	route                    string
	handled, skipped, failed int
}

// journal counts what the function logs: the lines that its logs would be searched
// for. It is safe for parallel use.
type journal struct {
	mu     sync.Mutex
	routes map[string]*count
	file   io.Writer // gets every line as it is
}

func newJournal(file io.Writer) *journal {
	return &journal{routes: map[string]*count{}, file: file}
}

// writer returns where one process of the function writes its log.
func (j *journal) writer() io.Writer { return &lines{journal: j} }

// counts are all routes in the order of their names.
func (j *journal) counts() []count {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]count, 0, len(j.routes))
	for _, route := range slices.Sorted(maps.Keys(j.routes)) {
		all = append(all, *j.routes[route])
	}
	return all
}

func (j *journal) line(text []byte) {
	var entry struct {
		Msg   string `json:"msg"`
		Route string `json:"route"`
	}
	if json.Unmarshal(text, &entry) != nil {
		entry.Msg = "" // what a dying process prints is kept in the file
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.file.Write(text) // a full disk must not end the function
	if entry.Route == "" {
		return
	}
	c := j.routes[entry.Route]
	if c == nil {
		c = &count{route: entry.Route}
	}
	switch entry.Msg {
	case "event handled":
		c.handled++
	case "event skipped":
		c.skipped++
	case "event failed":
		c.failed++
	default:
		return
	}
	j.routes[entry.Route] = c
}

// lines cuts what one process writes into lines.
type lines struct {
	journal *journal
	rest    []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 {
			return len(p), nil
		}
		l.journal.line(l.rest[:end+1])
		l.rest = l.rest[end+1:]
	}
}
