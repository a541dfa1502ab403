#pragma once

#include <metrics/core/rows.h>
#include <metrics/distributed/process_group.h>

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace metrics::eval {

/// The rows of each value, in ascending order; the values in the order in which they first come.
std::vector<std::pair<std::string, at::Tensor>> rows_by_value(const std::vector<std::string>& values);

/// These rows of a tensor or a list.
c10::IValue select_rows(const c10::IValue& column, const at::Tensor& rows);
Rows select_rows(const Rows& all, const at::Tensor& rows);

/// Names that ranks have, each with a number: the numbers of all ranks added. Sorted, by number where all are integers.
/// Collective.
std::vector<std::pair<std::string, int64_t>> added_over_ranks(ProcessGroup& group,
                                                              const std::map<std::string, int64_t>& own);

}  // namespace metrics::eval
