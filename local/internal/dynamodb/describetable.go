package dynamodb

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

type (
	tableInput struct {
		TableName string `json:"TableName"`
	}
	describeTableOutput struct {
		Table *tableDescription `json:"Table"`
	}
	tableOutput struct {
		Table *tableDescription `json:"TableDescription"`
	}
	tableDescription struct {
		TableName                 string                `json:"TableName"`
		TableArn                  string                `json:"TableArn"`
		TableID                   string                `json:"TableId"`
		TableStatus               string                `json:"TableStatus"`
		CreationDateTime          float64               `json:"CreationDateTime"` // in seconds since 1970
		AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
		KeySchema                 []keyElement          `json:"KeySchema"`
		ItemCount                 int                   `json:"ItemCount"`
		TableSizeBytes            int                   `json:"TableSizeBytes"`
		ProvisionedThroughput     throughput            `json:"ProvisionedThroughput"`
		BillingMode               *billingMode          `json:"BillingModeSummary,omitzero"`
		GlobalSecondaryIndexes    []indexDescription    `json:"GlobalSecondaryIndexes,omitempty"`
		StreamSpecification       *streamSpecification  `json:"StreamSpecification,omitzero"`
		LatestStreamArn           string                `json:"LatestStreamArn,omitzero"`
		LatestStreamLabel         string                `json:"LatestStreamLabel,omitzero"`
		DeletionProtectionEnabled bool                  `json:"DeletionProtectionEnabled"`
	}
	billingMode struct {
		BillingMode string `json:"BillingMode"`
	}
	indexDescription struct {
		indexSettings

		IndexArn       string `json:"IndexArn"`
		IndexStatus    string `json:"IndexStatus"`
		ItemCount      int    `json:"ItemCount"`
		IndexSizeBytes int    `json:"IndexSizeBytes"`
	}
)

const statusActive = "ACTIVE"

// seconds is a time as AWS JSON writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (t *table) describe() *tableDescription {
	d := &tableDescription{
		TableName:                 t.name,
		TableArn:                  t.arn,
		TableID:                   t.id,
		TableStatus:               statusActive,
		CreationDateTime:          seconds(t.created),
		AttributeDefinitions:      t.description.AttributeDefinitions,
		KeySchema:                 t.description.KeySchema,
		ItemCount:                 t.rows.Len(),
		TableSizeBytes:            t.bytes,
		DeletionProtectionEnabled: t.description.DeletionProtectionEnabled,
	}
	if t.description.ProvisionedThroughput != nil {
		d.ProvisionedThroughput = *t.description.ProvisionedThroughput
	}
	if t.description.BillingMode == billingOnDemand {
		d.BillingMode = &billingMode{billingOnDemand}
	}
	for _, ix := range t.indexes {
		described := indexDescription{
			indexSettings:  ix.description,
			IndexArn:       t.arn + "/index/" + ix.description.IndexName,
			IndexStatus:    statusActive,
			ItemCount:      ix.rows.Len(),
			IndexSizeBytes: ix.bytes,
		}
		if described.ProvisionedThroughput == nil {
			described.ProvisionedThroughput = &throughput{}
		}
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, described)
	}
	if t.stream != nil {
		d.LatestStreamArn, d.LatestStreamLabel = t.stream.arn, t.stream.label
		if !t.stream.closed {
			d.StreamSpecification = &streamSpecification{StreamEnabled: true, StreamViewType: t.stream.view}
		}
	}
	return d
}

func (s *Server) describeTable(in *tableInput) (*describeTableOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	t, err := s.table(in.TableName)
	if err != nil {
		if failure := asAPIError(err); failure.code == codeNotFound {
			return nil, notFound("Requested resource not found: Table: %s not found", in.TableName)
		}
		return nil, err
	}
	return &describeTableOutput{t.describe()}, nil
}

func (s *Server) deleteTable(in *tableInput) (*tableOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(in.TableName)
	if err != nil {
		if failure := asAPIError(err); failure.code == codeNotFound {
			return nil, notFound("Requested resource not found: Table: %s not found", in.TableName)
		}
		return nil, err
	}
	if t.description.DeletionProtectionEnabled {
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	description := t.describe()
	description.TableStatus = "DELETING"
	s.closeStream(t)
	delete(s.tables, t.name)
	s.arm()
	return &tableOutput{description}, nil
}

type (
	listTablesInput struct {
		ExclusiveStartTableName string `json:"ExclusiveStartTableName"`
		Limit                   *int   `json:"Limit"`
	}
	listTablesOutput struct {
		TableNames             []string `json:"TableNames"`
		LastEvaluatedTableName string   `json:"LastEvaluatedTableName,omitzero"`
	}
)

const maxTableNames = 100

func (s *Server) listTables(in *listTablesInput) (*listTablesOutput, error) {
	limit, err := limitOf(in.Limit, maxTableNames)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.tableNames()
	start, found := slices.BinarySearch(names, in.ExclusiveStartTableName)
	if found {
		start++
	}
	out := &listTablesOutput{TableNames: names[start:]}
	if len(out.TableNames) > limit {
		out.TableNames = out.TableNames[:limit]
		out.LastEvaluatedTableName = out.TableNames[limit-1]
	}
	return out, nil
}

type (
	updateTableInput struct {
		TableName                   string                `json:"TableName"`
		AttributeDefinitions        []attributeDefinition `json:"AttributeDefinitions"`
		BillingMode                 string                `json:"BillingMode"`
		ProvisionedThroughput       *throughput           `json:"ProvisionedThroughput"`
		StreamSpecification         *streamSpecification  `json:"StreamSpecification"`
		DeletionProtectionEnabled   *bool                 `json:"DeletionProtectionEnabled"`
		GlobalSecondaryIndexUpdates []indexUpdate         `json:"GlobalSecondaryIndexUpdates"`

		// What has no effect in memory.
		SSESpecification jsontext.Value `json:"SSESpecification"`
		TableClass       string         `json:"TableClass"`
	}
	indexUpdate struct {
		Create *indexSettings `json:"Create"`
		Delete *indexName     `json:"Delete"`
		Update *indexSettings `json:"Update"` // of its throughput
	}
	indexName struct {
		IndexName string `json:"IndexName"`
	}
)

// updateTable changes a copy, so that a refused update changes nothing.
func (s *Server) updateTable(in *updateTableInput) (*tableOutput, error) {
	err := firstError(
		in.StreamSpecification.check(),
		checkEnum("billingMode", in.BillingMode, billingProvisioned, billingOnDemand),
	)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	changed := *t
	changed.indexes = slices.Clone(t.indexes)
	for _, d := range in.AttributeDefinitions {
		if !slices.Contains(changed.description.AttributeDefinitions, d) {
			changed.description.AttributeDefinitions = append(slices.Clip(changed.description.AttributeDefinitions), d)
		}
	}
	if in.BillingMode != "" {
		changed.description.BillingMode = in.BillingMode
		changed.description.ProvisionedThroughput = nil
	}
	if in.ProvisionedThroughput != nil {
		changed.description.ProvisionedThroughput = in.ProvisionedThroughput
	}
	if in.DeletionProtectionEnabled != nil {
		changed.description.DeletionProtectionEnabled = *in.DeletionProtectionEnabled
	}
	if err := checkThroughput(changed.description.BillingMode, changed.description.ProvisionedThroughput); err != nil {
		return nil, err
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if err := changed.updateIndex(u); err != nil {
			return nil, err
		}
	}
	if err := t.checkStreamChange(in.StreamSpecification); err != nil {
		return nil, err
	}
	*t = changed
	switch {
	case in.StreamSpecification == nil:
	case in.StreamSpecification.StreamEnabled:
		s.openStream(t, in.StreamSpecification.StreamViewType)
	default:
		s.closeStream(t)
	}
	description := t.describe()
	description.TableStatus = "UPDATING"
	return &tableOutput{description}, nil
}

func (t *table) checkStreamChange(to *streamSpecification) error {
	switch open := t.stream != nil && !t.stream.closed; {
	case to == nil || to.StreamEnabled != open:
		return nil
	case open:
		return invalid("Table already has an enabled stream: TableName: %s", t.name)
	default:
		return invalid("Table doesn't have an enabled stream: TableName: %s", t.name)
	}
}

func (t *table) updateIndex(u indexUpdate) error {
	switch {
	case u.Create != nil:
		return t.addIndex(*u.Create)
	case u.Delete != nil:
		if t.index(u.Delete.IndexName) == nil {
			return notFound("Requested resource not found: Index: %s not found", u.Delete.IndexName)
		}
		t.indexes = slices.DeleteFunc(t.indexes, func(ix *index) bool { return ix.description.IndexName == u.Delete.IndexName })
		return nil
	case u.Update != nil:
		ix := t.index(u.Update.IndexName)
		if ix == nil {
			return notFound("Requested resource not found: Index: %s not found", u.Update.IndexName)
		}
		ix.description.ProvisionedThroughput = u.Update.ProvisionedThroughput
		return nil
	default:
		return invalidParameter("One of GlobalSecondaryIndexUpdate is to be specified")
	}
}
