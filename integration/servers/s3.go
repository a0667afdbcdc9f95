package servers

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// StartS3 starts an empty S3 in memory, whose buckets must be addressed by path.
func StartS3() (*Server, error) {
	listener, err := listen()
	if err != nil {
		return nil, err
	}
	fake := gofakes3.New(s3mem.New(), gofakes3.WithLogger(gofakes3.DiscardLog()))
	server := &http.Server{
		Handler:           fake.Server(),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Serve(listener)
		close(ended)
	}()
	return newServer("http://"+listener.Addr().String(), func() error {
		err := server.Close()
		for range ended { // until it has ended
		}
		return err
	}), nil
}
