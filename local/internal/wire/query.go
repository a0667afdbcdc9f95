package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// Query serves a service of the AWS Query protocol: parameters in a form,
// answers in XML.
type Query struct {
	Service    string
	Namespace  string
	Operations Operations
}

func (q *Query) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		q.fail(w, Invalid("SerializationException", "%v", err))
		return
	}
	action := r.Form.Get("Action")
	input, err := json.Marshal(formTree(r.Form))
	if err != nil {
		q.fail(w, err)
		return
	}
	output, err := q.Operations.Call(r.Context(), q.Service, action, input)
	if err != nil {
		q.fail(w, err)
		return
	}
	var body bytes.Buffer
	encoder := xml.NewEncoder(&body)
	root := element(action + "Response")
	root.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: q.Namespace}}
	err = firstError(
		func() error { return encoder.EncodeToken(root) },
		func() error { return encoder.EncodeElement(output, element(action+"Result")) },
		func() error {
			return encoder.EncodeElement(metadata{RequestID: runtimeapi.NewRequestID()}, element("ResponseMetadata"))
		},
		func() error { return encoder.EncodeToken(root.End()) },
		encoder.Flush,
	)
	if err != nil {
		q.fail(w, err)
		return
	}
	Write(w, "text/xml", http.StatusOK, body.Bytes())
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

func element(name string) xml.StartElement {
	return xml.StartElement{Name: xml.Name{Local: name}}
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (q *Query) fail(w http.ResponseWriter, err error) {
	answer := AsError(err)
	type detail struct {
		Type    string `xml:"Type"`
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     detail   `xml:"Error"`
		RequestID string   `xml:"RequestId"`
	}{
		Namespace: q.Namespace,
		Error:     detail{Type: "Sender", Code: answer.Code, Message: answer.Message},
		RequestID: runtimeapi.NewRequestID(),
	})
	if err != nil {
		body = nil // strings always encode
	}
	Write(w, "text/xml", answer.Status, body)
}

// formTree turns the dotted names of a form into the document that they
// flatten: "A.member.1.B" into lists, "A.entry.1.key" and ".value" into objects.
func formTree(form url.Values) map[string]any {
	tree := make(map[string]any)
	for name, values := range form {
		if name == "Action" || name == "Version" {
			continue
		}
		node := tree
		path := strings.Split(name, ".")
		for _, part := range path[:len(path)-1] {
			child, ok := node[part].(map[string]any)
			if !ok {
				child = make(map[string]any)
				node[part] = child
			}
			node = child
		}
		node[path[len(path)-1]] = values[0]
	}
	for name, node := range tree {
		tree[name] = unflatten(node)
	}
	return tree
}

func unflatten(node any) any {
	object, ok := node.(map[string]any)
	if !ok {
		return node
	}
	for name, child := range object {
		object[name] = unflatten(child)
	}
	if list, ok := object["member"].([]any); ok && len(object) == 1 {
		return list
	}
	if list, ok := object["entry"].([]any); ok && len(object) == 1 {
		entries := make(map[string]any, len(list))
		for _, item := range list {
			entry, _ := item.(map[string]any)
			key, value := entry["key"], entry["value"]
			if key == nil { // the names that message attributes have
				key, value = entry["Name"], entry["Value"]
			}
			name, _ := key.(string)
			entries[name] = value
		}
		return entries
	}
	return numbered(object)
}

// numbered turns an object with the names 1, 2, 3 into a list.
func numbered(object map[string]any) any {
	numbers := make([]int, 0, len(object))
	for name := range object {
		number, err := strconv.Atoi(name)
		if err != nil {
			return object
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	list := make([]any, len(numbers))
	for i, number := range numbers {
		list[i] = object[strconv.Itoa(number)]
	}
	return list
}
