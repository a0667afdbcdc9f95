package sam_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
)

const header = `
Parameters:
  Stage: {Type: String, Default: test}
  Size: {Type: Number, Default: 3}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Metadata: {a: b}
    DependsOn: Topic
    Properties:
`

func resolver(t *testing.T, text string, given map[string]string) (*sam.Template, *sam.Resolver) {
	t.Helper()
	parsed, err := sam.Parse([]byte(text))
	require.NoError(t, err)
	r, err := parsed.Resolver(given, func(id string) (sam.Reference, error) {
		if id != "Topic" {
			return sam.Reference{}, errors.New("there is no " + id)
		}
		return sam.Reference{Ref: "ref", Attributes: map[string]string{"Arn": "arn"}}, nil
	})
	require.NoError(t, err)
	return parsed, r
}

func TestValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x":                            `"x"`,
		"3":                            `3`,
		"true":                         `true`,
		"~":                            `null`,
		"[a, 1]":                       `["a",1]`,
		"{a: {b: c}}":                  `{"a":{"b":"c"}}`,
		"!Ref Stage":                   `"test"`,
		"!Ref Size":                    `"3"`,
		"!Ref Topic":                   `"ref"`,
		"!Ref AWS::AccountId":          `"000000000000"`,
		"!GetAtt Topic.Arn":            `"arn"`,
		"{Ref: Topic}":                 `"ref"`,
		`{"Fn::GetAtt": [Topic, Arn]}`: `"arn"`,
		`{"Fn::GetAtt": Topic.Arn}`:    `"arn"`,
		`{"Fn::Sub": "${Topic}/x"}`:    `"ref/x"`,
		`{"Fn::Join": ["", [a, 1]]}`:   `"a1"`,
		"{Ref: Topic, Other: 1}":       `{"Ref":"Topic","Other":1}`,
		`!Sub "${Stage}-${Topic.Arn}-${!Literal}-${AWS::Region}"`: `"test-arn-${Literal}-us-east-1"`,
		`!Join [":", [a, !Ref Stage, !GetAtt Topic.Arn]]`:         `"a:test:arn"`,
		"{a: !Ref Stage, b: [!Sub '${Size}']}":                    `{"a":"test","b":["3"]}`,
	} {
		parsed, r := resolver(t, header+"      Value: "+text+"\n", nil)
		p, err := r.Properties("AWS::SQS::Queue", parsed.Resources[0].Properties, nil)
		require.NoError(t, err, text)
		got, err := p.JSON("Value")
		require.NoError(t, err)
		require.JSONEq(t, want, got, text)
	}
}

func TestWhatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"!If [a, b, c]":             "line 11: this form of If is not known here",
		"!ImportValue x":            "line 11: ImportValue is not known here",
		`{"Fn::Select": [0, [a]]}`:  "line 11: this form of Select is not known here",
		"!Ref Other":                "line 11: there is no Other",
		"!GetAtt Topic.Name":        "line 11: Topic has no Name",
		`!Sub "${Stage"`:            "line 11: ${ without its }",
		`!Sub "${Other.Arn}"`:       "line 11: there is no Other",
		`!Sub ["${a}", {a: b}]`:     "line 11: this form of Sub is not known here",
		`!Join [":"]`:               "line 11: the function Join needs a delimiter and a list",
		`!Join [":", [[a]]]`:        "a text is wanted here",
		"{a: [!Ref Other]}":         "there is no Other",
		`!Join [":", [!Ref Other]]`: "there is no Other",
	} {
		parsed, r := resolver(t, header+"      Value: "+text+"\n", nil)
		_, err := r.Properties("AWS::SQS::Queue", parsed.Resources[0].Properties, nil)
		require.ErrorContains(t, err, problem, text)
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	_, r := resolver(t, header, map[string]string{"Stage": "live", "AWS::Region": "eu-west-1"})
	require.Equal(t, "live", r.Parameter("Stage"))
	require.Equal(t, "3", r.Parameter("Size"))
	require.Equal(t, "eu-west-1", r.Parameter("AWS::Region"))

	parsed, err := sam.Parse([]byte("Parameters: {Name: {Type: String}}"))
	require.NoError(t, err)
	_, err = parsed.Resolver(nil, nil)
	require.ErrorContains(t, err, "the parameter Name is not given, and has no default")
	_, err = parsed.Resolver(map[string]string{"Name": "x", "Other": "y"}, nil)
	require.ErrorContains(t, err, "the template has no parameter Other")
}

func TestProperties(t *testing.T) {
	t.Parallel()
	parsed, r := resolver(t, header+"      Size: 3\n      Name: !Ref Stage\n      Tags: !If [a, b, c]\n      Policy: {a: [1]}\n", nil)
	require.Equal(t, "AWS::SQS::Queue", parsed.Resources[0].Kind)
	require.Equal(t, "Queue", parsed.Resources[0].ID)
	require.Equal(t, 6, parsed.Resources[0].Line)
	p, err := r.Properties("AWS::SQS::Queue", parsed.Resources[0].Properties, func(p string) bool { return p == "AWS::SQS::Queue.Tags" })
	require.NoError(t, err, "what is ignored is not looked at")
	require.ErrorContains(t, p.Unknown(), "line 11: the property Size of AWS::SQS::Queue is not known here")
	require.Equal(t, "3", p.Text("Size"))
	require.ErrorContains(t, p.Unknown(), "line 12: the property Name")
	require.Equal(t, "test", p.Text("Name"))
	require.Empty(t, p.Text("Other"))
	policy, err := p.JSON("Policy")
	require.NoError(t, err)
	require.JSONEq(t, `{"a":[1]}`, policy)
	require.NoError(t, p.Unknown())
	none, err := p.JSON("Other")
	require.NoError(t, err)
	require.Empty(t, none)
	var size string
	_, err = p.Into("Size", &size)
	require.ErrorContains(t, err, "line 11: Size: json")
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	_, err := sam.Parse([]byte("{"))
	require.ErrorContains(t, err, "the template: ")
	_, err = sam.Parse([]byte("Resources: {A: {Type: T, Condition: C}}"))
	require.ErrorContains(t, err, "template line 1: Condition of A is not known here")
	parsed, err := sam.Parse([]byte(`{"Resources": {"A": {"Type": "T", "Properties": {"P": {"Ref": "Topic"}}}}, "Outputs": {"O": {"Value": "v"}}}`))
	require.NoError(t, err)
	require.Equal(t, "v", parsed.Outputs["O"].Value)
	require.Len(t, parsed.Resources, 1)
}
