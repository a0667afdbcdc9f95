package local

// streamARN is the ARN of the stream that a name of a table, or an ARN, means.
func (a *AWS) streamARN(string) (string, error) { return "", errNoTables }
