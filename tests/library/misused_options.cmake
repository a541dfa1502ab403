# What must not be said of options does not compile, and the compiler's message says why.
cmake_minimum_required(VERSION 3.25)

set(structs [[
#include <metrics/core/fields.h>
#include <cstdint>
using metrics::Required;
struct All {
  Required<int64_t> num_classes;
  double threshold = 0.5;
  bool validate = true;
  static constexpr auto fields() { return metrics::fields<&All::num_classes, &All::threshold, &All::validate>(); }
};
struct Some {
  bool validate = false;
  double threshold = 0.1;
  static constexpr auto fields() { return metrics::fields<&Some::validate, &Some::threshold>(); }
};
struct Unknown {
  double ceiling = 0.5;
  static constexpr auto fields() { return metrics::fields<&Unknown::ceiling>(); }
};
struct OtherType {
  float threshold = 0.5F;
  static constexpr auto fields() { return metrics::fields<&OtherType::threshold>(); }
};
]])

# Whether the structs compile with `statement`; what the compiler says is left in `said`.
function(compile statement)
  file(WRITE ${WORK_DIR}/misused_options.cpp "${structs}\nint main() {\n  ${statement}\n}\n")
  execute_process(
    COMMAND ${CXX} -std=c++20 -fsyntax-only -I${INCLUDE_DIR} ${WORK_DIR}/misused_options.cpp RESULT_VARIABLE failed ERROR_VARIABLE said
  )
  set(failed ${failed} PARENT_SCOPE)
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(compiles statement)
  compile("${statement}")
  if(failed)
    message(SEND_ERROR "this should compile: ${statement}\n${said}")
  endif()
endfunction()

function(refused statement why)
  compile("${statement}")
  if(NOT failed)
    message(SEND_ERROR "this should not compile: ${statement}")
  elseif(NOT said MATCHES "${why}")
    message(SEND_ERROR "expected \"${why}\" of the compiler for ${statement}; it says\n${said}")
  endif()
endfunction()

compiles("auto all = All{.num_classes = 3}; (void)metrics::subset<Some>(all);")
refused("All all{}; (void)all;" "num_classes|Required")
refused("All all{.threshold = 0.1}; (void)all;" "num_classes|Required")
refused("All all{.num_classes = 2.5}; (void)all;" "Required")
refused("All all{.num_classes = 3}; (void)metrics::subset<Unknown>(all);" "ceiling")
refused("All all{.num_classes = 3}; (void)metrics::subset<OtherType>(all);" "OtherType::threshold")
refused(
  "struct Last { double threshold = 0.5; Required<int64_t> n; };
  (void)metrics::fields<&Last::threshold, &Last::n>();" "Required come before"
)
refused("(void)All::fields().about({\"Classes.\", \"A score.\"});" "about")
