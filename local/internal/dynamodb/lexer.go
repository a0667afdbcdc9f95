package dynamodb

import (
	"strings"
	"unicode/utf8"
)

// token is a word or a symbol of an expression. The last one is empty.
type token struct {
	class      tokenClass
	text       string
	start, end int // in the expression
}

type tokenClass byte

const (
	tokenEnd    tokenClass = iota
	tokenName              // attribute, function or keyword
	tokenAlias             // #name
	tokenValue             // :value
	tokenNumber            // of a list element
	tokenSymbol
)

// lex splits an expression. Its last token is the end, or of class tokenSymbol
// with a character that no expression has.
func lex(expression string) []token {
	var tokens []token
	for i := 0; i < len(expression); {
		if strings.IndexByte(" \t\r\n", expression[i]) >= 0 {
			i++
			continue
		}
		class, length := lexOne(expression[i:])
		tokens = append(tokens, token{class: class, text: expression[i : i+length], start: i, end: i + length})
		i += length
	}
	return append(tokens, token{start: len(expression), end: len(expression)})
}

func lexOne(rest string) (class tokenClass, length int) {
	switch first := rest[0]; {
	case isLetter(first):
		return tokenName, 1 + wordLength(rest[1:])
	case first == '#' && wordLength(rest[1:]) > 0:
		return tokenAlias, 1 + wordLength(rest[1:])
	case first == ':' && wordLength(rest[1:]) > 0:
		return tokenValue, 1 + wordLength(rest[1:])
	case isDigit(first):
		digits, _ := cutDigits(rest)
		return tokenNumber, len(digits)
	case strings.HasPrefix(rest, "<>"), strings.HasPrefix(rest, "<="), strings.HasPrefix(rest, ">="):
		return tokenSymbol, 2
	default:
		_, length := utf8.DecodeRuneInString(rest)
		return tokenSymbol, length
	}
}

func wordLength(text string) int {
	i := 0
	for i < len(text) && (isLetter(text[i]) || isDigit(text[i]) || text[i] == '_') {
		i++
	}
	return i
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
