package notifications

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
)

// TemplateClient is what Templates need of a *s3.Client.
type TemplateClient interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Templates are the objects templates/<id>.txt of a bucket: a line "Subject: …", an
// empty line, and the text. {name} stands for the value of that name.
type Templates struct {
	client TemplateClient
	bucket string
}

// maxTemplate is the most bytes of a template.
const maxTemplate = 64 << 10

// NewTemplates returns the templates in a bucket.
func NewTemplates(client TemplateClient, bucket string) *Templates {
	return &Templates{client, bucket}
}

// Render writes a subject and a text. A template that is not there is an ordinary
// error, since it may be on its way; a value that is missing is a permanent one.
func (t *Templates) Render(ctx context.Context, id string, data map[string]json.RawMessage) (subject, text string, err error) {
	key := "templates/" + id + ".txt"
	object, err := t.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.bucket, Key: &key})
	if err != nil {
		return "", "", fmt.Errorf("there is no template %s to read: %w", id, err)
	}
	defer func() { _ = object.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(object.Body, maxTemplate+1))
	if err != nil {
		return "", "", fmt.Errorf("template %s: %w", id, err)
	}
	if len(content) > maxTemplate {
		return "", "", cqrs.Permanent(fmt.Errorf("template %s: it has more than %d bytes", id, maxTemplate))
	}
	subject, text, err = write(strings.ReplaceAll(string(content), "\r\n", "\n"), data)
	if err != nil {
		return "", "", cqrs.Permanent(fmt.Errorf("template %s: %w", id, err))
	}
	return subject, text, nil
}

// write writes a subject, which is one line whatever its values are, and a text.
func write(template string, data map[string]json.RawMessage) (subject, text string, err error) {
	head, body, found := strings.Cut(template, "\n\n")
	line, isSubject := strings.CutPrefix(head, "Subject:")
	if !found || !isSubject {
		return "", "", errors.New(`it must begin with a line "Subject: …" and an empty line`)
	}
	if subject, err = fill(line, data); err != nil {
		return "", "", err
	}
	text, err = fill(body, data)
	return strings.Join(strings.Fields(subject), " "), text, err
}

// fill puts the values in, in one pass: what a value holds is never taken for a name.
func fill(text string, data map[string]json.RawMessage) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("a { without its }")
		}
		value, ok := data[name]
		if !ok {
			return "", fmt.Errorf("there is no value for {%s}", name)
		}
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value) // numbers as they were sent
		}
		out.WriteString(s)
		text = after
	}
}

// Values are the data of a template.
func Values(pairs map[string]any) map[string]json.RawMessage {
	values := make(map[string]json.RawMessage, len(pairs))
	for name, value := range pairs {
		text, err := json.Marshal(value)
		if err != nil {
			text = []byte("null")
		}
		values[name] = text
	}
	return values
}
