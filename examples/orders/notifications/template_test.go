package notifications_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestRender(t *testing.T) {
	t.Parallel()
	const form = "Subject: {a}\n\n"
	for name, test := range map[string]struct {
		template string
		data     string // JSON
		subject  string
		text     string
		wrong    string
	}{
		"values":                 {template: form + "{b}, {a}{b}!", data: `{"a":"1","b":"2"}`, subject: "1", text: "2, 12!"},
		"nothing to fill in":     {template: "Subject: News\n\nAll is well.\n", subject: "News", text: "All is well.\n"},
		"no text":                {template: form, data: `{"a":"1"}`, subject: "1"},
		"paragraphs":             {template: form + "One.\n\nTwo.", data: `{"a":"1"}`, subject: "1", text: "One.\n\nTwo."},
		"numbers as they came":   {template: form + "{b}", data: `{"a":9007199254740993,"b":1.50}`, subject: "9007199254740993", text: "1.50"},
		"words of JSON":          {template: form + "{b}", data: `{"a":true,"b":["x"]}`, subject: "true", text: `["x"]`},
		"escapes of JSON":        {template: form + "{b}", data: `{"a":"M\u00f6bel","b":"<\"&\">"}`, subject: "Möbel", text: `<"&">`},
		"a value with a name":    {template: form + "{b}", data: `{"a":"{b}","b":"{a} {c"}`, subject: "{b}", text: "{a} {c"},
		"a value with spaces":    {template: form + "{b}", data: `{"a":" 1 ","b":" 2 "}`, subject: "1", text: " 2 "},
		"an empty value":         {template: form + "{b}", data: `{"a":"","b":""}`},
		"a name with spaces":     {template: form + "{b c}", data: `{"a":"1","b c":"2"}`, subject: "1", text: "2"},
		"a value too many":       {template: "Subject: News\n\n-", data: `{"a":"1"}`, subject: "News", text: "-"},
		"a value too few":        {template: form + "{b}", data: `{"a":"1"}`, wrong: "there is no value for {b}"},
		"no values":              {template: form, wrong: "there is no value for {a}"},
		"a brace that is open":   {template: form + "{b", data: `{"a":"1","b":"2"}`, wrong: "a { without its }"},
		"a brace that is closed": {template: form + "b}", data: `{"a":"1"}`, subject: "1", text: "b}"},
		"a subject value that has an empty line": {
			template: "Subject: Hello {a}\n\nDear {a}.", data: `{"a":"Ann\n\nBob"}`, subject: "Hello Ann Bob", text: "Dear Ann\n\nBob.",
		},
		"lines of Windows": {template: "Subject: {a}\r\n\r\nOne.\r\nTwo.", data: `{"a":"1"}`, subject: "1", text: "One.\nTwo."},
		"no empty line":    {template: "Subject: {a}\nOne.", data: `{"a":"1"}`, wrong: "an empty line"},
		"no subject":       {template: "Dear {a}\n\nOne.", data: `{"a":"1"}`, wrong: `"Subject: …"`},
		"the longest":      {template: "Subject: a\n\n" + strings.Repeat("b", 64<<10-12), subject: "a", text: strings.Repeat("b", 64<<10-12)},
		"longer than that": {template: "Subject: a\n\n" + strings.Repeat("b", 64<<10-11), wrong: "more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			a.Upload(t, "templates/it.txt", test.template)
			var data map[string]json.RawMessage
			if test.data != "" {
				require.NoError(t, json.Unmarshal([]byte(test.data), &data))
			}
			subject, text, err := notifications.NewTemplates(a.S3, shoptest.Files).Render(t.Context(), "it", data)
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				require.ErrorContains(t, err, "template it:")
				require.True(t, cqrs.IsPermanent(err), "%v", err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, test.subject, subject)
			require.Equal(t, test.text, text)
		})
	}
}

// TestRenderOfNoTemplate is tried again: it may be on its way.
func TestRenderOfNoTemplate(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	sender := notifications.NewSender(nil, nil, notifications.NewTemplates(a.S3, shoptest.Files), "")
	n := notifications.Notification{ID: "1", Channel: notifications.Email, Recipient: "ann@example.com", TemplateID: "late"}
	_, err := sender.Handle(t.Context(), n)
	require.ErrorContains(t, err, "there is no template late")
	require.ErrorContains(t, err, "notification 1")
	require.False(t, cqrs.IsPermanent(err), "%v", err)

	a.Upload(t, "templates/late.txt", "Subject: {a}\n\n{b}")
	_, err = sender.Handle(t.Context(), n)
	require.ErrorContains(t, err, "notification 1: template late: there is no value for {a}")
	require.True(t, cqrs.IsPermanent(err), "%v", err)

	a.Inject(local.Fault{Service: "s3", Operation: "GetObject", Effect: local.InternalError, Times: 100})
	_, err = sender.Handle(t.Context(), n)
	require.Error(t, err)
	require.False(t, cqrs.IsPermanent(err), "%v", err)
}

// TestRenderIsOnePass: what comes out is the template's own text with the values in
// their places, whatever those are made of.
func TestRenderIsOnePass(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	templates := notifications.NewTemplates(a.S3, shoptest.Files)
	rapid.Check(t, func(t *rapid.T) {
		literal, value := rapid.StringOf(rapid.RuneFrom([]rune("a \n}ö"))), rapid.StringOf(rapid.RuneFrom([]rune("a \n{}ö\"\\")))
		var template, want strings.Builder
		data := map[string]any{}
		for n := range rapid.IntRange(0, 5).Draw(t, "places") {
			name, text := fmt.Sprintf("v%d", n), value.Draw(t, "value")
			data[name] = text
			between := literal.Draw(t, "between")
			template.WriteString("{" + name + "}" + between)
			want.WriteString(text + between)
		}
		a.Upload(t, "templates/it.txt", "Subject: News\n\n"+template.String())
		subject, text, err := templates.Render(t.Context(), "it", notifications.Values(data))
		require.NoError(t, err)
		require.Equal(t, "News", subject)
		require.Equal(t, want.String(), text)
	})
}

// FuzzRender: a template is filled in, or refused for good; and one without braces is
// left as it is.
func FuzzRender(f *testing.F) {
	for _, template := range []string{"Subject: {name}\n\nHello {name}", "Subject: a\n\nb", "{", "}", "{}", "{{name}}", "Subject:\n\n{name", "\r\n\r\n"} {
		f.Add(template, "Ann")
	}
	a := shoptest.Start(f)
	templates := notifications.NewTemplates(a.S3, shoptest.Files)
	f.Fuzz(func(t *testing.T, template, name string) {
		a.Upload(t, "templates/it.txt", template)
		subject, text, err := templates.Render(t.Context(), "it", notifications.Values(map[string]any{"name": name}))
		if err != nil {
			require.True(t, cqrs.IsPermanent(err), "%v", err)
			require.Empty(t, subject+text)
			return
		}
		require.NotContains(t, subject, "\n")
		if !strings.ContainsAny(template, "{\r") {
			require.True(t, strings.HasSuffix(template, text))
		}
	})
}
