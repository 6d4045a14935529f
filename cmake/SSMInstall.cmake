# What cmake --install puts under the prefix: the library and tools (the tools
# by ssm_add_tool), headers with .td and generated .inc files, and a package
# for find_package(ssm CONFIG).
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ssm)

install(TARGETS ssm EXPORT ssmTargets DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT ssmTargets NAMESPACE ssm:: DESTINATION ${package_dir})
install(
  DIRECTORY ${PROJECT_SOURCE_DIR}/include/ ${PROJECT_BINARY_DIR}/include/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc" PATTERN CMakeFiles EXCLUDE)

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/ssmConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/ssmConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/ssmConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/cmake/ssmConfig.cmake
  ${PROJECT_BINARY_DIR}/cmake/ssmConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/SSMAddKernel.cmake
  DESTINATION ${package_dir})
