# `cmake --install` gives find_package(metrics) with metrics::metrics, metrics::training and metrics::trainer, and metrics::testing with COMPONENTS testing.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/metrics)

install(TARGETS metrics metrics_training metrics_trainer EXPORT metricsTargets)
install(DIRECTORY include/metrics DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/metrics)
if(TARGET metrics_cli)
  install(TARGETS metrics_cli)
endif()
install(EXPORT metricsTargets NAMESPACE metrics:: DESTINATION ${package_dir})

configure_package_config_file(cmake/metricsConfig.cmake.in metricsConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(metricsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/metricsConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/metricsConfigVersion.cmake" DESTINATION ${package_dir})
