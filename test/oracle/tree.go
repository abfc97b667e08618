package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/getsops/sops/v3"
)

// describe tells a tree so that nothing of it is lost in JSON: types, order, duplicates, digits, bytes. A value is an
// array of its type and its text, a mapping is ["map", [key, value]…], a comment in one stands as a value alone.
func describe(branches sops.TreeBranches) any {
	documents := []any{}
	for _, branch := range branches {
		documents = append(documents, value(branch))
	}
	return documents
}

func value(in any) any {
	switch in := in.(type) {
	case nil:
		return []any{"null"}
	case sops.Comment:
		return comment(in)
	case sops.TreeBranch:
		items := []any{"map"}
		for _, item := range in {
			if note, ok := item.Key.(sops.Comment); ok {
				items = append(items, comment(note))
				continue
			}
			items = append(items, []any{"item", value(item.Key), value(item.Value)})
		}
		return items
	case []any:
		items := []any{"list"}
		for _, item := range in {
			items = append(items, value(item))
		}
		return items
	case string:
		return text(in)
	case []byte:
		return text(string(in))
	case bool:
		return []any{"bool", strconv.FormatBool(in)}
	case float64:
		return []any{"float", strconv.FormatFloat(in, 'g', -1, 64)}
	case time.Time:
		return []any{"time", in.Format(time.RFC3339Nano)}
	default:
		return []any{"int", fmt.Sprint(in)}
	}
}

func comment(in sops.Comment) any {
	return []any{"comment", in.Value}
}

// text is told as base64 where JSON could not hold it.
func text(in string) any {
	if utf8.ValidString(in) {
		return []any{"str", in}
	}
	return []any{"bytes", base64.StdEncoding.EncodeToString([]byte(in))}
}
