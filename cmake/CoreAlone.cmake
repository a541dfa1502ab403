# The tests that ThreadSanitizer runs are the core's, so its library is the core, with one domain, and with what metrics made of others stand on.

# Leaves those in the list of sources that `variable` names, and adds one by which the other domains offer nothing.
function(metrics_core_alone variable)
  set(sources ${${variable}})
  list(FILTER sources INCLUDE REGEX "/src/((core|kernels|distributed|io|aggregation)/|[^/]*\\.cpp$|collections/(composite|composition|handle|metric_collection)\\.cpp$)")
  file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/src/registry.h domains REGEX "^Domain [a-z]+_domain")
  set(text "#include \"registry.h\"\n\nnamespace metrics {\n\n")
  foreach(domain IN LISTS domains)
    if(NOT domain MATCHES "aggregation")
      string(REPLACE "();" "() {\n  return {};\n}\n" domain "${domain}")
      string(APPEND text "${domain}")
    endif()
  endforeach()
  string(APPEND text "\n}  // namespace metrics\n")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/no_other_domains.cpp CONTENT "${text}" @ONLY)
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/no_other_domains.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set(${variable} ${sources} ${CMAKE_CURRENT_BINARY_DIR}/no_other_domains.cpp PARENT_SCOPE)
endfunction()
