package s3

import (
	"net/http"
	"slices"
	"strings"
)

// Operation is the name of the operation that a request asks for.
func Operation(r *http.Request) string {
	query := r.URL.Query()
	on := func(subresource string) bool { return query.Has(subresource) }
	switch {
	case bucketOf(r) == "":
		return "ListBuckets"
	case keyOf(r) == "":
		return onBucket(r.Method, on)
	case r.Method == http.MethodPost && on("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && on("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodDelete && on("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == http.MethodPut && on("uploadId"):
		return "UploadPart"
	case r.Method == http.MethodGet && on("uploadId"):
		return "ListParts"
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	}
	return map[string]string{
		http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
	}[r.Method]
}

func onBucket(method string, on func(string) bool) string {
	switch {
	case on("notification") && method == http.MethodPut:
		return "PutBucketNotificationConfiguration"
	case on("notification"):
		return "GetBucketNotificationConfiguration"
	case on("versioning") && method == http.MethodPut:
		return "PutBucketVersioning"
	case on("versioning"):
		return "GetBucketVersioning"
	case on("versions"):
		return "ListObjectVersions"
	case on("uploads"):
		return "ListMultipartUploads"
	case on("location"):
		return "GetBucketLocation"
	case on("delete"):
		return "DeleteObjects"
	case method == http.MethodGet:
		return "ListObjectsV2"
	}
	return map[string]string{
		http.MethodPut: "CreateBucket", http.MethodHead: "HeadBucket", http.MethodDelete: "DeleteBucket",
	}[method]
}

// unsupported names a parameter that would be ignored, or taken for another
// request, and is "" where there is none.
func unsupported(r *http.Request) string {
	known := []string{
		"notification", "uploads", "uploadId", "partNumber", "versioning", "versions", "versionId", "delete", "location", "list-type",
		"prefix", "delimiter", "marker", "continuation-token", "start-after", "max-keys", "encoding-type", "fetch-owner", "key-marker",
		"version-id-marker", "upload-id-marker", "max-uploads", "part-number-marker", "max-parts", "x-id",
		"response-content-type", "response-content-disposition", "response-content-encoding", "response-content-language",
		"response-cache-control", "response-expires",
	}
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "X-Amz-") && !strings.HasPrefix(name, "x-amz-") {
			return "the subresource or parameter " + name
		}
	}
	for name := range r.Header {
		switch lower := strings.ToLower(name); {
		case lower == "x-amz-tagging", lower == "x-amz-website-redirect-location", strings.HasPrefix(lower, "x-amz-object-lock"),
			strings.HasPrefix(lower, "x-amz-server-side-encryption-customer"):
			return "the header " + name
		}
	}
	return ""
}
