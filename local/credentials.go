package local

// Any credentials are good; these are what AWS's documentation uses.
const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"                     //nolint:gosec // AWS's example
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's example
)
