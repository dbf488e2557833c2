package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
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
	var untrusted *tls.CertificateVerificationError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.As(err, &untrusted):
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return true
	}
	return errors.As(err, &timeout)
}

// Unsure tells whether a write may have had its effect although it failed: no reply came, or one that says that the
// server, or one before it, gave up on the way. A webhook that fails is asked before anything is stored.
func Unsure(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return Lost(err)
	}
	s := status.Status()
	return s.Code >= 500 && !strings.Contains(s.Message, "failed calling webhook")
}

// Refused tells whether the server certainly did nothing, so that even a write may be sent again: it was not there, or
// turned the request away before looking at it.
func Refused(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial" || apierrors.IsTooManyRequests(err)
}
