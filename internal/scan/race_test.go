//go:build race

package scan_test

// raceDetector makes every access to memory several times as slow.
const raceDetector = true
