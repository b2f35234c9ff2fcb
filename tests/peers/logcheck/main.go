// Logcheck verifies a transparency log's checkpoint and proofs with the code of Go's checksum database
// (golang.org/x/mod/sumdb/note and tlog), which is not ours.
//
//	logcheck -checkpoint FILE -vkey FILE [-leaf FILE -index N -proof FILE] [-older FILE -consistency FILE]
//
// A proof file holds one base64 hash on each line, an inclusion proof from the leaf upwards. Exit code 0: all that
// was given holds. 1: something is off. 2: wrong use, or a file that can't be read.
package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tree struct {
	size int64
	root tlog.Hash
}

func main() {
	checkpoint := flag.String("checkpoint", "", "signed checkpoint `file`")
	vkey := flag.String("vkey", "", "`file` with the log's verifier key: NAME+HASH+KEY")
	leaf := flag.String("leaf", "", "`file` with the bytes of one log entry")
	index := flag.Int64("index", -1, "index of that entry")
	proof := flag.String("proof", "", "`file` with its inclusion proof")
	older := flag.String("older", "", "`file` with an older signed checkpoint")
	consistency := flag.String("consistency", "", "`file` with the proof from the older checkpoint to the newer")
	flag.Parse()
	if *checkpoint == "" || *vkey == "" || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	inclusion := *leaf != "" || *proof != "" || *index >= 0
	if inclusion && (*leaf == "" || *proof == "" || *index < 0) {
		wrongUse("-leaf, -index and -proof belong together")
	}
	if (*older == "") != (*consistency == "") {
		wrongUse("-older and -consistency belong together")
	}

	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(*vkey))))
	if err != nil {
		refuse("verifier key: %v", err)
	}
	newer := open(*checkpoint, verifier)
	fmt.Printf("checkpoint of %s at size %d: signature holds\n", verifier.Name(), newer.size)

	if inclusion {
		record := tlog.RecordHash(read(*leaf))
		if err := tlog.CheckRecord(hashes(*proof), newer.size, newer.root, *index, record); err != nil {
			refuse("inclusion of entry %d: %v", *index, err)
		}
		fmt.Printf("entry %d: included\n", *index)
	}
	if *older != "" {
		before := open(*older, verifier)
		if err := tlog.CheckTree(hashes(*consistency), newer.size, newer.root, before.size, before.root); err != nil {
			refuse("consistency of %d with %d: %v", before.size, newer.size, err)
		}
		fmt.Printf("size %d: consistent with size %d\n", before.size, newer.size)
	}
}

// open verifies a checkpoint's signature before it reads a line of it. The body is origin, size, root hash; further
// lines are extensions and allowed by the format.
func open(path string, verifier note.Verifier) tree {
	signed, err := note.Open(read(path), note.VerifierList(verifier))
	if err != nil {
		refuse("checkpoint %s: %v", path, err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 {
		refuse("checkpoint %s: %d lines instead of at least three", path, len(lines)-1)
	}
	if lines[0] != verifier.Name() {
		refuse("checkpoint %s: origin %q, but the key is of %q", path, lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		refuse("checkpoint %s: size %q", path, lines[1])
	}
	return tree{size, hash(path, lines[2])}
}

func hashes(path string) []tlog.Hash {
	var list []tlog.Hash
	for _, line := range strings.Split(string(read(path)), "\n") {
		if line != "" {
			list = append(list, hash(path, line))
		}
	}
	return list
}

func hash(path, text string) tlog.Hash {
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != tlog.HashSize {
		refuse("%s: %q is not a SHA-256 in base64", path, text)
	}
	return tlog.Hash(bytes)
}

func read(path string) []byte {
	bytes, err := os.ReadFile(path)
	if err != nil {
		wrongUse(err.Error())
	}
	return bytes
}

func refuse(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "logcheck: refused: "+format+"\n", values...)
	os.Exit(1)
}

func wrongUse(message string) {
	fmt.Fprintln(os.Stderr, "logcheck: "+message)
	os.Exit(2)
}
