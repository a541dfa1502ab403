#pragma once

#include "case.h"
#include "safetensors_file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::testing {

/// The cases of one topic.
struct Fixtures {
  std::string stem;
  std::vector<Case> cases;
  std::vector<Misuse> misuses;
};

/// Reads `<path>.json` and the tensors of `<path>.safetensors` beside it. Throws FormatError naming the file.
Fixtures read_fixtures(const std::filesystem::path& index);

/// Reads one case as an index has it on a line, with the tensors that it names. It need not expect anything.
Case read_case(std::string_view line, const Tensors& tensors);

/// Reads all indexes below `directory`, in the order of their paths. METRICS_TEST_STEMS, a list with commas of stems and
/// domains such as "classification/accuracy,text", takes those alone. Throws InvalidArgument where it names one that is
/// not there.
std::vector<Fixtures> read_all_fixtures(const std::filesystem::path& directory);

/// Whether a name is one of those in a list with commas.
bool is_in_list(std::string_view name, std::string_view names);

}  // namespace metrics::testing
