package lambda

import (
	"maps"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

type createMappingInput struct {
	FunctionName          string
	EventSourceARN        string `json:"EventSourceArn"`
	Enabled               *bool
	BatchSize             int
	Window                int `json:"MaximumBatchingWindowInSeconds"`
	FunctionResponseTypes []string
	MaximumRetryAttempts  *int
	MaximumRecordAge      *int `json:"MaximumRecordAgeInSeconds"`
	Bisect                bool `json:"BisectBatchOnFunctionError"`
	StartingPosition      string
	FilterCriteria        struct{ Filters []struct{ Pattern string } }
	ScalingConfig         struct{ MaximumConcurrency int }
	DestinationConfig     struct{ OnFailure struct{ Destination string } }
}

func (s *Service) createMapping(body []byte) (any, error) {
	in := &createMappingInput{}
	if err := wire.Decode(body, in); err != nil {
		return nil, err
	}
	if in.Enabled != nil && !*in.Enabled {
		return nil, badParameter("the local runtime does not support mappings that are disabled")
	}
	f, err := s.Find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	config := MappingConfig{
		Source:        in.EventSourceARN,
		BatchSize:     in.BatchSize,
		Window:        time.Duration(in.Window) * time.Second,
		ReportPartial: slices.Contains(in.FunctionResponseTypes, "ReportBatchItemFailures"),
		Parallel:      in.ScalingConfig.MaximumConcurrency,
		Bisect:        in.Bisect,
		OnFailure:     in.DestinationConfig.OnFailure.Destination,
		Latest:        in.StartingPosition == "LATEST",
	}
	if config.isStream() && in.StartingPosition != "LATEST" && in.StartingPosition != "TRIM_HORIZON" {
		return nil, badParameter("the starting position of a DynamoDB stream is TRIM_HORIZON or LATEST, not %q", in.StartingPosition)
	}
	if in.MaximumRetryAttempts != nil && *in.MaximumRetryAttempts >= 0 {
		config.MaxRetries = in.MaximumRetryAttempts
	}
	if in.MaximumRecordAge != nil && *in.MaximumRecordAge >= 0 {
		if *in.MaximumRecordAge < 60 {
			return nil, badParameter("the maximum record age is -1, or 60 to 604800 seconds")
		}
		config.MaxAge = time.Duration(*in.MaximumRecordAge) * time.Second
	}
	for _, filter := range in.FilterCriteria.Filters {
		config.Filters = append(config.Filters, filter.Pattern)
	}
	m, err := s.addMapping(f, config)
	if err != nil {
		return nil, err
	}
	return m.describe("Creating"), nil
}

func (s *Service) findMapping(id string) (*mapping, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.mappings[id]; ok {
		return m, nil
	}
	return nil, notFound("The resource you requested does not exist: %s", id)
}

func (s *Service) deleteMapping(m *mapping) {
	s.mu.Lock()
	delete(s.mappings, m.id)
	s.mu.Unlock()
	m.stop()
}

func (s *Service) listMappings(source, function string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(s.mappings)) {
		m := s.mappings[id]
		if (source == "" || m.config.Source == source) && (function == "" || m.function.name == function || m.function.arn == function) {
			list = append(list, m.describe("Enabled"))
		}
	}
	return map[string]any{"EventSourceMappings": list}
}

func (m *mapping) describe(state string) map[string]any {
	types := []string{}
	if m.config.ReportPartial {
		types = append(types, "ReportBatchItemFailures")
	}
	description := map[string]any{
		"UUID":                           m.id,
		"EventSourceArn":                 m.config.Source,
		"FunctionArn":                    m.function.arn,
		"BatchSize":                      m.config.BatchSize,
		"MaximumBatchingWindowInSeconds": int(m.config.Window.Seconds()),
		"FunctionResponseTypes":          types,
		"State":                          state,
	}
	if !m.config.isQueue() {
		maps.Copy(description, m.describeStream())
	}
	return description
}

// describeStream is what only mappings of streams have; -1 is no limit.
func (m *mapping) describeStream() map[string]any {
	retries, age, start := -1, -1, "TRIM_HORIZON"
	if m.config.MaxRetries != nil {
		retries = *m.config.MaxRetries
	}
	if m.config.MaxAge > 0 {
		age = int(m.config.MaxAge.Seconds())
	}
	if m.config.Latest {
		start = "LATEST"
	}
	return map[string]any{
		"BisectBatchOnFunctionError": m.config.Bisect,
		"MaximumRetryAttempts":       retries,
		"MaximumRecordAgeInSeconds":  age,
		"StartingPosition":           start,
		"DestinationConfig":          onFailure(m.config.OnFailure),
	}
}
