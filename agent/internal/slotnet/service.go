package slotnet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"bandsox.dev/agent/internal/slot"
	"github.com/mdlayher/netlink"
)

// Service serves one guest's network until it is closed.
type Service struct {
	config    Config
	namespace *os.File
	listeners *listeners
	log       *netlink.Conn
	resolver  *resolver
	decisions *decisionLog
	cancel    context.CancelFunc
	running   sync.WaitGroup
	changing  sync.Mutex
	published []*Published
}

// Start serves a guest's network; decisions are written by write, one line at a time.
func Start(config Config, write func([]byte)) (*Service, error) {
	namespace, err := os.Open(config.Netns)
	if err != nil {
		return nil, fmt.Errorf("the guest's network: %w", err)
	}
	s := &Service{config: config, namespace: namespace, decisions: &decisionLog{write: write}}
	netns := int(namespace.Fd())
	if s.log, err = listenLog(netns, config.LogGroup); err != nil {
		namespace.Close()
		return nil, fmt.Errorf("hear the kernel's decisions: %w", err)
	}
	if s.listeners, err = listen(config.Netns, config.Listen); err != nil {
		s.log.Close()
		namespace.Close()
		return nil, fmt.Errorf("answer the guest's questions: %w", err)
	}
	if err := s.open(); err != nil {
		s.closeAll()
		return nil, err
	}
	opened := newOpened(netns, config.Table)
	s.resolver = &resolver{hosts: hosts{path: config.Hosts}, opened: opened, log: s.decisions, ask: ask}
	s.resolver.policy.Store(&config.Names)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.serve(ctx)
	s.running.Go(func() {
		receiveLog(s.log, func(prefix string, packet []byte) {
			if d, ok := decisionOf(prefix, packet); ok {
				s.decisions.tell(d)
			}
		})
	})
	return s, nil
}

// open opens the host's ports and bounds what passes.
func (s *Service) open() error {
	for _, port := range s.config.Ports {
		opened, err := Publish(port, dialTCP, make(chan struct{}, PublishedMax))
		if err != nil {
			return err
		}
		s.published = append(s.published, opened)
	}
	return slot.Inside(func() error { return slot.Enter(s.config.Netns) }, func() error {
		for device, bitsPerSecond := range s.config.Limits {
			if err := slot.Limit(device, bitsPerSecond); err != nil {
				return err
			}
		}
		return nil
	})
}

// Ports are the ports of the host that lead into the guest, with what the kernel chose where any was good.
func (s *Service) Ports() []Port {
	var ports []Port
	for _, one := range s.published {
		ports = append(ports, one.Port())
	}
	return ports
}

// Change replaces the policy: rules for the kernel and for names. Connections that the guest has opened are judged anew.
func (s *Service) Change(rules json.RawMessage, names NamePolicy, guest []netip.Addr) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := slot.Apply(s.config.Netns, rules, nil); err != nil {
		return err
	}
	s.resolver.policy.Store(&names)
	if err := s.resolver.opened.reopen(names); err != nil {
		return err
	}
	return slot.Apply(s.config.Netns, nil, guest)
}

// Close ends the service.
func (s *Service) Close() {
	s.cancel()
	s.closeAll()
}

func (s *Service) closeAll() {
	for _, port := range s.published {
		port.Close()
	}
	s.listeners.close()
	s.log.Close()
	s.running.Wait()
	s.namespace.Close()
}
