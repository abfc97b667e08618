package main

import (
	"fmt"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/codes"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/version"
	"github.com/urfave/cli"
)

func store(format string) common.Store {
	return common.StoreForFormat(formats.FormatFromString(format), config.NewStoresConfig())
}

func (asked request) output() string {
	if asked.Output != "" {
		return asked.Output
	}
	return asked.Format
}

func services() []keyservice.KeyServiceClient {
	return []keyservice.KeyServiceClient{keyservice.NewLocalClient()}
}

// refused is the answer for an error, with the code that the command line would end with.
func refused(err error) answer {
	if exit, ok := err.(*cli.ExitError); ok {
		return answer{Code: exit.ExitCode(), Error: exit.Error()}
	}
	return answer{Code: codes.ErrorGeneric, Error: err.Error()}
}

func decrypt(asked request) answer {
	tree, err := store(asked.Format).LoadEncryptedFile(asked.Bytes)
	if err != nil {
		return refused(err)
	}
	if _, err := common.DetectKMSEncryptionContextBug(&tree); err != nil {
		return refused(err)
	}
	if _, err := common.DecryptTree(common.DecryptTreeOpts{
		Cipher:      aes.NewCipher(),
		Tree:        &tree,
		KeyServices: services(),
		// What the command line has by default.
		DecryptionOrder: []string{"age", "pgp"},
	}); err != nil {
		return refused(err)
	}
	plain, err := store(asked.output()).EmitPlainFile(tree.Branches)
	if err != nil {
		return refused(common.NewExitError(fmt.Sprintf("Error dumping file: %s", err), codes.ErrorDumpingTree))
	}
	return answer{Bytes: plain, Tree: describe(tree.Branches)}
}

// load reads a file in clear, as encrypting would.
func load(asked request) answer {
	branches, err := store(asked.Format).LoadPlainFile(asked.Bytes)
	if err != nil {
		return refused(common.NewExitError(fmt.Sprintf("Error unmarshalling file: %s", err), codes.CouldNotReadInputFile))
	}
	return answer{Tree: describe(branches)}
}

func encrypt(asked request) answer {
	branches, err := store(asked.Format).LoadPlainFile(asked.Bytes)
	if err != nil {
		return refused(common.NewExitError(fmt.Sprintf("Error unmarshalling file: %s", err), codes.CouldNotReadInputFile))
	}
	output := store(asked.output())
	if len(branches) < 1 {
		return refused(common.NewExitError("no document", codes.NeedAtLeastOneDocument))
	}
	if output.HasSopsTopLevelKey(branches[0]) {
		return refused(common.NewExitError("already encrypted", codes.FileAlreadyEncrypted))
	}
	metadata, err := asked.metadata()
	if err != nil {
		return refused(err)
	}
	tree := sops.Tree{Branches: branches, Metadata: metadata}
	key, errs := tree.GenerateDataKeyWithKeyServices(services())
	if len(errs) > 0 {
		return refused(fmt.Errorf("could not generate data key: %s", errs))
	}
	if err := common.EncryptTree(common.EncryptTreeOpts{Tree: &tree, Cipher: aes.NewCipher(), DataKey: key}); err != nil {
		return refused(err)
	}
	encrypted, err := output.EmitEncryptedFile(tree)
	if err != nil {
		return refused(common.NewExitError(fmt.Sprintf("Could not marshal tree: %s", err), codes.ErrorDumpingTree))
	}
	return answer{Bytes: encrypted}
}

func (asked request) metadata() (sops.Metadata, error) {
	metadata := sops.Metadata{
		Version:          version.Version,
		MACOnlyEncrypted: asked.MacOnlyEncrypted,
		ShamirThreshold:  asked.Threshold,
		LastModified:     time.Now().UTC(),
	}
	texts := asked.Groups
	if len(texts) == 0 {
		texts = []string{asked.Age}
	}
	for _, text := range texts {
		keys, err := age.MasterKeysFromRecipients(text)
		if err != nil {
			return metadata, err
		}
		var group sops.KeyGroup
		for _, key := range keys {
			group = append(group, key)
		}
		metadata.KeyGroups = append(metadata.KeyGroups, group)
	}
	rules := map[string]*string{
		"unencrypted_suffix":        &metadata.UnencryptedSuffix,
		"encrypted_suffix":          &metadata.EncryptedSuffix,
		"unencrypted_regex":         &metadata.UnencryptedRegex,
		"encrypted_regex":           &metadata.EncryptedRegex,
		"unencrypted_comment_regex": &metadata.UnencryptedCommentRegex,
		"encrypted_comment_regex":   &metadata.EncryptedCommentRegex,
	}
	if place, ok := rules[asked.Rule]; ok {
		*place = asked.Value
	} else if asked.Format != "binary" {
		metadata.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	}
	return metadata, nil
}
