package slotnet

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// Records of one answer that are looked at.
	recordsMax = 256
	// An address stays open a little longer than its answer is good: the guest takes its time to connect.
	grace = 5 * time.Second
	// Answers that are good for longer are asked for again.
	ttlMax = uint32(3600)
	// An answer of ours about a VM.
	ownTTL = 5
)

// question is what the guest asks.
type question struct {
	header   dnsmessage.Header
	question dnsmessage.Question
	name     string // in lower case, without the final dot
}

var errMalformed = errors.New("no question that can be answered")

// parseQuestion takes a query apart. Only ordinary queries with one question are answered.
func parseQuestion(query []byte) (question, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return question{}, errMalformed
	}
	if header.Response || header.OpCode != 0 {
		return question{}, errMalformed
	}
	questions, err := parser.AllQuestions()
	if err != nil || len(questions) != 1 || questions[0].Class != dnsmessage.ClassINET {
		return question{}, errMalformed
	}
	name := strings.TrimSuffix(strings.ToLower(questions[0].Name.String()), ".")
	return question{header, questions[0], name}, nil
}

// answer is what the guest is told.
type answer struct {
	code      dnsmessage.RCode
	records   []dnsmessage.Resource
	addresses []netip.Addr
	refused   []netip.Addr // that the name leads to and may not
	ttl       uint32       // of the shortest-lived address
	truncated bool
}

// pack writes an answer, without records when they are longer than limit.
func (q question) pack(a answer, limit int) []byte {
	header := dnsmessage.Header{
		ID: q.header.ID, Response: true, RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true,
		RCode: a.code, Truncated: a.truncated,
	}
	message := dnsmessage.Message{Header: header, Questions: []dnsmessage.Question{q.question}, Answers: a.records}
	packed, err := message.Pack()
	if err == nil && len(packed) <= limit {
		return packed
	}
	message.Header.Truncated, message.Answers = true, nil
	if err != nil {
		message.Header.RCode, message.Header.Truncated = dnsmessage.RCodeServerFailure, false
	}
	packed, _ = message.Pack()
	return packed
}

// filter keeps of a name server's answer what was asked for, along its chain of aliases, and what the guest may be led
// to.
func (q question) filter(response []byte, policy NamePolicy, host func(netip.Addr) bool) (answer, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(response)
	if err != nil {
		return answer{}, err
	}
	if err := parser.SkipAllQuestions(); err != nil {
		return answer{}, err
	}
	result := answer{code: header.RCode, truncated: header.Truncated, ttl: ttlMax}
	wanted := map[string]bool{q.name: true}
	for range recordsMax {
		record, err := parser.Answer()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err != nil {
			return answer{}, err
		}
		owner := strings.TrimSuffix(strings.ToLower(record.Header.Name.String()), ".")
		if !wanted[owner] || record.Header.Class != dnsmessage.ClassINET {
			continue
		}
		record.Header.TTL = min(record.Header.TTL, ttlMax)
		if alias, ok := record.Body.(*dnsmessage.CNAMEResource); ok {
			wanted[strings.TrimSuffix(strings.ToLower(alias.CNAME.String()), ".")] = true
		} else if record.Header.Type != q.question.Type {
			continue
		} else if address, ok := addressOf(record.Body); ok && !result.take(address, record.Header.TTL, policy, host) {
			continue
		}
		result.records = append(result.records, record)
	}
	if len(result.addresses) == 0 && len(result.refused) > 0 {
		result.code, result.records = dnsmessage.RCodeRefused, nil
	}
	return result, nil
}

func (a *answer) take(address netip.Addr, ttl uint32, policy NamePolicy, host func(netip.Addr) bool) bool {
	if !policy.leadsTo(address, host) {
		a.refused = append(a.refused, address)
		return false
	}
	a.addresses = append(a.addresses, address)
	a.ttl = min(a.ttl, ttl)
	return true
}

func addressOf(body dnsmessage.ResourceBody) (netip.Addr, bool) {
	switch record := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(record.A), true
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(record.AAAA).Unmap(), true
	}
	return netip.Addr{}, false
}

// ownAnswer is about a name of ours.
func (q question) ownAnswer(addresses []netip.Addr) answer {
	result := answer{ttl: ownTTL}
	for _, address := range addresses {
		if q.question.Type != dnsmessage.TypeA || !address.Is4() {
			continue
		}
		header := dnsmessage.ResourceHeader{Name: q.question.Name, Type: q.question.Type, Class: q.question.Class, TTL: ownTTL}
		body := &dnsmessage.AResource{A: address.As4()}
		result.records = append(result.records, dnsmessage.Resource{Header: header, Body: body})
		result.addresses = append(result.addresses, address)
	}
	return result
}
