// The models on this machine: what lies in the hub's cache and in a folder of one's own; looked at, verified, removed.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/revisions.h"

namespace imagent {

struct ModelPlaces {
  std::filesystem::path hub_cache;
  std::filesystem::path models_folder = {};   // "" = none
};

enum class ModelPlace { hub_cache, models_folder, elsewhere };

struct LocalModel {
  std::string name;                           // "org/name" of the cache, or the name of the file or folder
  std::filesystem::path path;                 // what a program loads: a snapshot, a folder, a file
  std::string kind;                           // kind_of_model()
  ModelPlace place = ModelPlace::elsewhere;
  std::string revision = "";                  // commit of the snapshot that `path` is
  std::vector<CachedRevision> revisions = {}; // of the hub's cache
  uint64_t size_on_disk = 0;                  // bytes of all its files, every blob once, unfinished downloads included
  std::vector<std::string> missing = {};      // missing_files()
  bool unfinished_download = false;
};

// All of them, by name. What cannot be read is left out.
std::vector<LocalModel> list_local_models(const ModelPlaces& places);

// `name`: ORG/NAME[@REVISION] of the cache, or the name of a file (its extension may be left out) or folder.
// Errors: model when no such model is here (with the nearest name).
LocalModel find_local_model(const ModelPlaces& places, const std::string& name);

// The model that is the folder or file itself.
LocalModel local_model_at(const std::filesystem::path& path);

struct FileCheck {
  enum class State { good, corrupt, missing, unknown };   // unknown: nothing says what the content should be
  std::string file;                           // relative to the model
  State state;
  std::string sha256 = "";                    // "" when missing
};
using FileCheckCallback = std::function<void(const FileCheck&)>;

// Reads every file and compares it with the hash in its blob's name. `each` hears of every file as it is done.
// Errors: io, cancelled.
std::vector<FileCheck> verify_model(const LocalModel& model, const FileCheckCallback& each = {}, const std::function<bool()>& cancelled = {});

// Removes the model's files, all its revisions included, and returns the bytes that are free now.
// Errors: io; model while it is being downloaded, and for what lies elsewhere.
uint64_t remove_model(const ModelPlaces& places, const LocalModel& model);

// Removes the one revision that `model` is, as remove_revision(); with the last one goes the whole model.
uint64_t remove_model_revision(const ModelPlaces& places, const LocalModel& model);

}  // namespace imagent
