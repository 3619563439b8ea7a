package main

import (
	"errors"
	"io"
	"sync"
	"time"

	"bandsox.dev/agent/internal/boot"
	"bandsox.dev/agent/internal/channel"
	"bandsox.dev/agent/internal/channel/serialline"
	"bandsox.dev/agent/internal/httpapi"
)

// serving is the agent's API on the ways to the host.
type serving struct {
	api     *httpapi.API
	console *boot.Console
}

// serve serves the channel, and the serial line beside it where the host may fall back to that. In a kernel without
// vsock, or when the port is lost, the line is then all there is.
func (s serving) serve(options boot.Options) error {
	switch options.Channel {
	case boot.Vsock:
		return s.serveVsock(options.SerialToo)
	case boot.VirtioSerial:
		if options.SerialToo {
			return s.servePortAndLine()
		}
		err := s.serveVirtio(func() {})
		if !errors.Is(err, boot.ErrNoPortDriver) {
			return err
		}
		s.console.Printf("%v; using %s", err, boot.SerialDevice)
	}
	return s.serveLine()
}

func (s serving) serveVsock(serialToo bool) error {
	listener, err := channel.ListenVsock()
	if err != nil && serialToo {
		s.console.Printf("%v; using %s", err, boot.SerialDevice)
		return s.serveLine()
	}
	if err != nil {
		return err
	}
	s.api.Ready(boot.UptimeMs())
	if serialToo {
		go s.serveLine()
	}
	return s.api.Serve(listener)
}

// portIsLate is after how long without the port the line is served beside waiting for it.
const portIsLate = 2 * time.Second

func (s serving) servePortAndLine() error {
	failed := make(chan error, 2)
	// Two at once would both be later on one processor, and the port is what the host waits for.
	line := sync.OnceFunc(func() { go func() { failed <- s.serveLine() }() })
	late := time.AfterFunc(portIsLate, line)
	go func() {
		defer line()
		failed <- s.serveVirtio(func() {
			late.Stop()
			line()
		})
	}()
	first := <-failed
	s.console.Printf("%v; the other way to the host is left", first)
	return errors.Join(first, <-failed)
}

// serveVirtio serves the virtio port, for which it waits where the kernel has not announced it yet. It calls opened once
// it has it.
func (s serving) serveVirtio(opened func()) error {
	port, err := boot.OpenPort()
	if err != nil {
		return err
	}
	s.api.Ready(boot.UptimeMs())
	opened()
	return s.servePort(port)
}

// serveLine serves the serial line. The agent is ready with it, if it is not yet with another way.
func (s serving) serveLine() error {
	tty, err := boot.OpenSerial()
	if err != nil {
		return err
	}
	// Garbage may be the work of a process that has set the line to interpret bytes.
	restore := func() {
		if err := tty.MakeRaw(); err != nil {
			s.console.Printf("%v", err)
		}
	}
	s.api.Ready(boot.UptimeMs())
	return s.servePort(serialPort{serialline.NewGuest(tty, restore), tty})
}

// port is a channel that carries one session at a time.
type port interface {
	channel.Transport
	// AwaitHost returns when a handshake may begin.
	AwaitHost() error
}

// serialPort is records on a serial line.
type serialPort struct {
	*serialline.Line
	tty *boot.Serial
}

func (p serialPort) AwaitHost() error { return p.tty.AwaitHost() }

// servePort serves one session with the host after the other.
func (s serving) servePort(port port) error {
	link := channel.NewLink(port)
	for {
		if err := port.AwaitHost(); err != nil {
			return err
		}
		if err := link.AnswerSync(); errors.Is(err, io.EOF) {
			continue // the host has left
		} else if err != nil {
			return err
		}
		session, err := link.ServeSession()
		if err != nil {
			return err
		}
		s.api.Serve(session)
		session.Close()
	}
}
