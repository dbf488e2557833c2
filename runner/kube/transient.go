package kube

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Transient tells whether an error of a request may be gone when the same request is sent again: the server is
// overloaded, restarting, not reachable or slow. A context that the caller cancelled is not.
func Transient(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code == http.StatusConflict || code >= 500
	}
	return Lost(err)
}

// Lost tells whether a request may have had its effect although no reply came: the connection broke or stayed silent.
func Lost(err error) bool {
	var timeout net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return true
	}
	return errors.As(err, &timeout)
}

// Refused tells whether the server certainly did nothing, so that even a write may be sent again: it was not there, or
// turned the request away before looking at it.
func Refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || apierrors.IsTooManyRequests(err)
}
