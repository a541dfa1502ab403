#pragma once

#include "metric_specs.h"

#include <map>
#include <string>
#include <vector>

namespace metrics::eval {

/// What is to be evaluated on which files.
struct Request {
  MetricSpecs specs;
  std::vector<std::string> files;                         ///< paths or patterns of them
  std::map<std::string, std::vector<std::string>> named;  ///< files of one input: `FILE` or `FILE:COLUMN`
  std::map<std::string, std::string> columns;             ///< the columns of inputs that are called otherwise
  std::string weights;                                    ///< columns of what is known of rows; empty: none
  std::string valid;
  std::string ids;
  std::string by;  ///< a column whose values are groups of rows; empty: none
};

}  // namespace metrics::eval
