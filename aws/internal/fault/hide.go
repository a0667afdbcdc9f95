package fault

import "strings"

const hidden = "[redacted]"

// Hide returns err with a secret taken out of its text, where AWS quoted what it
// was sent. errors.Is and errors.As see the whole chain. Hide(nil, s) is nil.
func Hide(err error, secret string) error {
	if err == nil || secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return &hiddenError{err: err, secret: secret}
}

type hiddenError struct {
	err    error
	secret string
}

func (e *hiddenError) Error() string { return strings.ReplaceAll(e.err.Error(), e.secret, hidden) }

func (e *hiddenError) Unwrap() error { return e.err }
