// The real SOPS as a process that answers: a JSON request a line on standard input, a JSON answer a line on standard
// output, in order. It does what the command line of sops does, with its exit codes, without a process for each file.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/version"
	"github.com/sirupsen/logrus"
)

// request is one question. Bytes travel as base64, as encoding/json does by itself.
type request struct {
	Op       string `json:"op"` // decrypt, encrypt, load, version
	Format   string `json:"format"`
	Output   string `json:"output"` // the format to answer in, if not the same
	Bytes    []byte `json:"bytes"`
	Identity string `json:"identity"` // what SOPS_AGE_KEY would hold
	Age      string `json:"age"`      // recipients, with commas
	// Groups of recipients, instead of Age, with how many of them are needed.
	Groups    []string `json:"groups"`
	Threshold int      `json:"threshold"`
	// The name of a rule as it stands in a file, and its value.
	Rule             string `json:"rule"`
	Value            string `json:"value"`
	MacOnlyEncrypted bool   `json:"macOnlyEncrypted"`
}

// answer is what the command line would have done, and the tree that SOPS had in memory.
type answer struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"`
	Bytes []byte `json:"bytes"`
	Tree  any    `json:"tree,omitempty"`
}

// panicked is the code with which a Go program ends that panics.
const panicked = 2

func main() {
	// Some files send SOPS into an endless recursion, from which Go does not come back: let it end soon.
	debug.SetMaxStack(64 << 20)
	for _, logger := range logging.Loggers {
		logger.SetOutput(io.Discard)
	}
	logrus.SetOutput(io.Discard)
	reader := bufio.NewReaderSize(os.Stdin, 1<<20)
	writer := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			if err := encoder.Encode(respond(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			writer.Flush()
		}
		if err != nil {
			return
		}
	}
}

func respond(line []byte) (result answer) {
	defer func() {
		if problem := recover(); problem != nil {
			result = answer{Code: panicked, Error: fmt.Sprintf("panic: %v", problem)}
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return refused(err)
	}
	os.Setenv("SOPS_AGE_KEY", asked.Identity)
	switch asked.Op {
	case "decrypt":
		return decrypt(asked)
	case "encrypt":
		return encrypt(asked)
	case "load":
		return load(asked)
	case "version":
		return answer{Bytes: []byte(version.Version)}
	}
	return refused(fmt.Errorf("no such operation: %q", asked.Op))
}
