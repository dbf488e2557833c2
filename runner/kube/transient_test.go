package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestErrorsOfRequests(t *testing.T) {
	gr := schema.GroupResource{Resource: "machines"}
	dial := &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name                     string
		err                      error
		transient, lost, refused bool
	}{
		{"no error", nil, false, false, false},
		{"not found", apierrors.NewNotFound(gr, "a"), false, false, false},
		{"forbidden by a webhook", apierrors.NewForbidden(gr, "a", errors.New("no")), false, false, false},
		{"conflict", apierrors.NewConflict(gr, "a", errors.New("newer")), true, false, false},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 1), true, false, true},
		{"internal error", apierrors.NewInternalError(errors.New("webhook")), true, false, false},
		{"nobody listens", fmt.Errorf("list: %w", dial), true, true, true},
		{"no way there", &url.Error{Op: "Get", URL: "https://x", Err: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}},
			true, true, true},
		{"a certificate of somebody else", &url.Error{Op: "Get", URL: "https://x", Err: &tls.CertificateVerificationError{
			Err: errors.New("unknown authority")}}, false, false, false},
		{"the connection broke", io.ErrUnexpectedEOF, true, true, false},
		{"no answer in time", context.DeadlineExceeded, true, true, false},
		{"the caller gave up", context.Canceled, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Transient(tt.err); got != tt.transient {
				t.Errorf("Transient: got %v, want %v", got, tt.transient)
			}
			if got := Lost(tt.err); got != tt.lost {
				t.Errorf("Lost: got %v, want %v", got, tt.lost)
			}
			if got := Refused(tt.err); got != tt.refused {
				t.Errorf("Refused: got %v, want %v", got, tt.refused)
			}
		})
	}
}
