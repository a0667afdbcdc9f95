package conformance_test

// startFunction is the main of this binary where it is started as a function.
func startFunction() {}
