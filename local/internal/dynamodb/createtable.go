package dynamodb

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

type (
	// tableSettings is what a table is created with.
	tableSettings struct {
		TableName                 string                `json:"TableName"`
		AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
		KeySchema                 []keyElement          `json:"KeySchema"`
		GlobalSecondaryIndexes    []indexSettings       `json:"GlobalSecondaryIndexes"`
		BillingMode               string                `json:"BillingMode"`
		ProvisionedThroughput     *throughput           `json:"ProvisionedThroughput"`
		StreamSpecification       *streamSpecification  `json:"StreamSpecification"`
		DeletionProtectionEnabled bool                  `json:"DeletionProtectionEnabled"`

		LocalSecondaryIndexes []jsontext.Value `json:"LocalSecondaryIndexes"` // refused

		// What has no effect in memory.
		SSESpecification jsontext.Value `json:"SSESpecification"`
		TableClass       string         `json:"TableClass"`
		Tags             jsontext.Value `json:"Tags"`
	}
	attributeDefinition struct {
		AttributeName string `json:"AttributeName"`
		AttributeType kind   `json:"AttributeType"`
	}
	keyElement struct {
		AttributeName string `json:"AttributeName"`
		KeyType       string `json:"KeyType"`
	}
	indexSettings struct {
		IndexName             string       `json:"IndexName"`
		KeySchema             []keyElement `json:"KeySchema"`
		Projection            *projection  `json:"Projection"`
		ProvisionedThroughput *throughput  `json:"ProvisionedThroughput,omitzero"`
	}
	projection struct {
		ProjectionType   string   `json:"ProjectionType"`
		NonKeyAttributes []string `json:"NonKeyAttributes,omitempty"`
	}
	throughput struct {
		ReadCapacityUnits  int64 `json:"ReadCapacityUnits"`
		WriteCapacityUnits int64 `json:"WriteCapacityUnits"`
	}
	streamSpecification struct {
		StreamEnabled  bool   `json:"StreamEnabled"`
		StreamViewType string `json:"StreamViewType,omitzero"`
	}
)

const (
	projectAll      = "ALL"
	projectKeysOnly = "KEYS_ONLY"
	projectInclude  = "INCLUDE"

	billingOnDemand    = "PAY_PER_REQUEST"
	billingProvisioned = "PROVISIONED"

	maxIndexes = 20
	maxInclude = 100 // attributes, over all indexes
)

func (s *Server) createTable(in *tableSettings) (*tableOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tables[in.TableName]; ok {
		return nil, &apiError{code: codeInUse, message: "Table already exists: " + in.TableName}
	}
	tableSchema, err := newSchema(in.KeySchema, in.AttributeDefinitions)
	if err != nil {
		return nil, err
	}
	t := &table{
		collection:  newCollection(tableSchema),
		description: *in,
		name:        in.TableName,
		arn:         s.arn(in.TableName),
		id:          strings.ToLower(rand.Text()),
		created:     s.options.Now(),
		held:        map[string]bool{},
	}
	for _, settings := range in.GlobalSecondaryIndexes {
		if err := t.addIndex(settings); err != nil {
			return nil, err
		}
	}
	if err := t.checkDefinitions(); err != nil {
		return nil, err
	}
	s.tables[in.TableName] = t
	if in.StreamSpecification != nil && in.StreamSpecification.StreamEnabled {
		s.openStream(t, in.StreamSpecification.StreamViewType)
	}
	description := t.describe()
	description.TableStatus = "CREATING"
	return &tableOutput{description}, nil
}

func (in *tableSettings) check() error {
	if len(in.LocalSecondaryIndexes) > 0 {
		return invalid("The local DynamoDB does not support LocalSecondaryIndexes; use a global one")
	}
	if in.BillingMode == "" {
		in.BillingMode = billingProvisioned
	}
	return firstError(
		checkTableName(&in.TableName),
		checkEnum("billingMode", in.BillingMode, billingProvisioned, billingOnDemand),
		checkThroughput(in.BillingMode, in.ProvisionedThroughput),
		in.StreamSpecification.check(),
	)
}

func checkThroughput(billing string, given *throughput) error {
	switch {
	case billing == billingOnDemand && given != nil:
		return invalidParameter("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case billing == billingProvisioned && given == nil:
		return invalidParameter("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case given != nil && (given.ReadCapacityUnits < 1 || given.WriteCapacityUnits < 1):
		return violation("provisionedThroughput", fmt.Sprint(*given), "have value greater than or equal to 1")
	}
	return nil
}

func (in *streamSpecification) check() error {
	if in == nil {
		return nil
	}
	if in.StreamEnabled != (in.StreamViewType != "") {
		return invalidParameter("StreamViewType is to be specified if and only if StreamEnabled is true")
	}
	return checkEnum("streamSpecification.streamViewType", in.StreamViewType, viewKeys, viewNew, viewOld, viewBoth)
}

func newSchema(elements []keyElement, definitions []attributeDefinition) (schema, error) {
	var s schema
	for i, element := range elements {
		at := slices.IndexFunc(definitions, func(d attributeDefinition) bool { return d.AttributeName == element.AttributeName })
		if at < 0 {
			return s, invalidParameter("Some index key attributes are not defined in AttributeDefinitions. "+
				"Keys: [%s], AttributeDefinitions: %s", element.AttributeName, namesOf(definitions))
		}
		attribute := keyAttribute{element.AttributeName, definitions[at].AttributeType}
		if !attribute.kind.scalar() {
			return s, checkEnum("attributeDefinitions.attributeType", string(attribute.kind), "B", "N", "S")
		}
		switch {
		case i == 0 && element.KeyType == "HASH":
			s.partition = attribute
		case i == 1 && element.KeyType == "RANGE" && attribute.name != s.partition.name:
			s.sort = attribute
		default:
			return s, invalid("Invalid KeySchema: " +
				"The first KeySchemaElement is to be a HASH key type, and the second, if any, another attribute of RANGE key type")
		}
	}
	if s.partition.name == "" {
		return s, missing("keySchema")
	}
	return s, nil
}

func namesOf(definitions []attributeDefinition) []string {
	names := make([]string, len(definitions))
	for i, d := range definitions {
		names[i] = d.AttributeName
	}
	return names
}

func (t *table) addIndex(settings indexSettings) error {
	p := settings.Projection
	if p == nil {
		return invalidParameter("Unknown ProjectionType: null")
	}
	err := firstError(
		checkEnum("projection.projectionType", p.ProjectionType, projectAll, projectKeysOnly, projectInclude),
		checkName("indexName", settings.IndexName),
		checkThroughput(t.description.BillingMode, settings.ProvisionedThroughput),
	)
	if err != nil {
		return err
	}
	included := len(p.NonKeyAttributes)
	for _, ix := range t.indexes {
		included += len(ix.description.Projection.NonKeyAttributes)
	}
	switch {
	case (p.ProjectionType == projectInclude) != (len(p.NonKeyAttributes) > 0):
		return invalidParameter("ProjectionType is %s, and NonKeyAttributes is to be specified with INCLUDE only",
			p.ProjectionType)
	case t.index(settings.IndexName) != nil:
		return invalidParameter("Duplicate index name: %s", settings.IndexName)
	case len(t.indexes) == maxIndexes:
		return invalidParameter("GlobalSecondaryIndex count exceeds the per-table limit of %d", maxIndexes)
	case included > maxInclude:
		return invalidParameter("Number of NonKeyAttributes exceeds the limit of %d", maxInclude)
	}
	indexSchema, err := newSchema(settings.KeySchema, t.description.AttributeDefinitions)
	if err != nil {
		return err
	}
	ix := &index{collection: newCollection(indexSchema), description: settings}
	ix.fill(t)
	t.indexes = append(t.indexes, ix)
	return nil
}

// checkDefinitions refuses the definition of an attribute that is no key.
func (t *table) checkDefinitions() error {
	for _, d := range t.description.AttributeDefinitions {
		used := t.schema.has(d.AttributeName) ||
			slices.ContainsFunc(t.indexes, func(ix *index) bool { return ix.schema.has(d.AttributeName) })
		if !used {
			return invalidParameter("Some AttributeDefinitions are not used. "+
				"AttributeDefinitions: %s, unused: [%s]", namesOf(t.description.AttributeDefinitions), d.AttributeName)
		}
	}
	return nil
}
