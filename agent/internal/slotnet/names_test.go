package slotnet

import (
	"context"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func policyOf(preset string, rules ...NameRule) NamePolicy {
	return NamePolicy{Rules: rules, Preset: preset, Refused: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

func TestTheFirstRuleThatFitsDecidesAboutAName(t *testing.T) {
	policy := policyOf("none",
		NameRule{Name: "bad.example.com", Verdict: deny, Label: "bad"},
		NameRule{Name: "example.com", Subdomains: true, Verdict: allow, Label: "all"})
	for name, want := range map[string]string{
		"bad.example.com": "bad", "example.com": "all", "a.b.example.com": "all",
		"notexample.com": "none", "com": "none", "": "none",
	} {
		if got := policy.decide(name).Label; got != want {
			t.Errorf("%q: %s decides, want %s", name, got, want)
		}
	}
}

func TestAnAnswerIsKeptAlongItsAliasesAndWithoutPrivateAddresses(t *testing.T) {
	query := pack(t, dnsmessage.Message{Questions: []dnsmessage.Question{ask1("www.example.com.")}})
	asked, err := parseQuestion(query)
	if err != nil {
		t.Fatal(err)
	}
	header := func(name string, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET, TTL: 30}
	}
	response := pack(t, dnsmessage.Message{
		Header: dnsmessage.Header{Response: true}, Questions: []dnsmessage.Question{ask1("www.example.com.")},
		Answers: []dnsmessage.Resource{
			{Header: header("www.example.com.", dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("cdn.net.")}},
			{Header: header("cdn.net.", dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{93, 184, 216, 34}}},
			{Header: header("cdn.net.", dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}},
			{Header: header("other.net.", dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{1, 1, 1, 1}}},
		},
	})
	kept, err := asked.filter(response, policyOf("public"), func(netip.Addr) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if len(kept.records) != 2 || len(kept.addresses) != 1 || kept.addresses[0].String() != "93.184.216.34" {
		t.Errorf("kept %v of %v", kept.addresses, kept.records)
	}
	if len(kept.refused) != 1 || kept.refused[0].String() != "10.0.0.1" {
		t.Errorf("refused %v", kept.refused)
	}
}

func TestWhatIsNoQuestionHasNoAnswer(t *testing.T) {
	r := &resolver{}
	two := dnsmessage.Message{Questions: []dnsmessage.Question{ask1("a.b."), ask1("c.d.")}}
	answer := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Questions: []dnsmessage.Question{ask1("a.b.")}}
	for _, query := range [][]byte{nil, {1, 2, 3}, make([]byte, 12), pack(t, two), pack(t, answer)} {
		if got := r.resolve(context.Background(), query, false); got != nil {
			t.Errorf("%v was answered with %v", query, got)
		}
	}
}

func TestAPacketIsTold(t *testing.T) {
	packet := []byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 198, 18, 0, 2, 1, 1, 1, 1, 0x80, 0, 0, 80}
	d, ok := decisionOf("out deny private addresses", packet)
	if !ok || d.Verdict != deny || d.Rule != "private addresses" || d.Address.String() != "1.1.1.1" || d.Port != 80 {
		t.Errorf("told as %+v, %v", d, ok)
	}
	for _, prefix := range []string{"", "out", "out maybe x", "up allow x"} {
		if _, ok := decisionOf(prefix, packet); ok {
			t.Errorf("%q was told", prefix)
		}
	}
	for length := range packet {
		decisionOf("in allow this host", packet[:length]) // must not panic
	}
}

func ask1(name string) dnsmessage.Question {
	return dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
}

func pack(t *testing.T, message dnsmessage.Message) []byte {
	t.Helper()
	packed, err := message.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}
