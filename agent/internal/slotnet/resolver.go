package slotnet

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolver answers the guest's questions about names.
type resolver struct {
	policy atomic.Pointer[NamePolicy]
	hosts  hosts
	opened *opened
	log    *decisionLog
	ask    func(ctx context.Context, query []byte, overTCP bool) ([]byte, error)
}

// resolve answers a query; nil is no answer at all.
func (r *resolver) resolve(ctx context.Context, query []byte, overTCP bool) []byte {
	limit := messageMax
	if !overTCP {
		limit = udpLimit(query)
	}
	asked, err := parseQuestion(query)
	if err != nil {
		return nil
	}
	return asked.pack(r.answer(ctx, asked, query, overTCP), limit)
}

func (r *resolver) answer(ctx context.Context, asked question, query []byte, overTCP bool) answer {
	policy := r.policy.Load()
	told := decision{Kind: "name", Protocol: "dns", Name: asked.name}
	if addresses, ok := r.hosts.find(asked.name); ok {
		result := asked.ownAnswer(addresses)
		told.Verdict, told.Rule, told.Addresses = allow, "private network", result.addresses
		r.log.tell(told)
		return result
	}
	rule := policy.decide(asked.name)
	told.Verdict, told.Rule = rule.Verdict, rule.Label
	if rule.Verdict != allow {
		r.log.tell(told)
		return answer{code: dnsmessage.RCodeRefused}
	}
	if asked.question.Type == dnsmessage.TypeAAAA && !policy.HasIPv6 {
		return answer{} // it has none to use
	}
	response, err := r.ask(ctx, query, overTCP)
	if err != nil {
		return answer{code: dnsmessage.RCodeServerFailure}
	}
	result, err := asked.filter(response, *policy, isOwnAddress)
	if err != nil {
		return answer{code: dnsmessage.RCodeServerFailure}
	}
	if len(result.refused) > 0 {
		refusal := told
		refusal.Verdict, refusal.Rule, refusal.Addresses = deny, "addresses a name may not lead to", result.refused
		r.log.tell(refusal)
	}
	if err := r.opened.open(rule, asked.name, result.addresses, time.Duration(result.ttl)*time.Second+grace); err != nil {
		return answer{code: dnsmessage.RCodeServerFailure}
	}
	if len(result.addresses) > 0 || len(result.refused) == 0 {
		told.Addresses = result.addresses
		r.log.tell(told)
	}
	return result
}

// isOwnAddress reports whether an address is this machine's.
func isOwnAddress(address netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true // then nothing is known not to be
	}
	for _, one := range all {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil && prefix.Addr() == address {
			return true
		}
	}
	return false
}

// udpLimit is how long an answer by UDP may be: 512 bytes, or what the query says (EDNS).
func udpLimit(query []byte) int {
	const plain, most = 512, 4096
	var parser dnsmessage.Parser
	if _, err := parser.Start(query); err != nil {
		return plain
	}
	if parser.SkipAllQuestions() != nil || parser.SkipAllAnswers() != nil || parser.SkipAllAuthorities() != nil {
		return plain
	}
	for {
		header, err := parser.AdditionalHeader()
		if err != nil {
			return plain
		}
		if header.Type == dnsmessage.TypeOPT {
			return min(max(int(header.Class), plain), most)
		}
		if parser.SkipAdditional() != nil {
			return plain
		}
	}
}
