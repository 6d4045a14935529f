# ssm_add_tool(<name> <sources>...): a program in build/bin that links the ssm
# library and is installed with it, as the target ssm::<name>.
function(ssm_add_tool name)
  add_executable(${name} ${ARGN})
  add_executable(ssm::${name} ALIAS ${name})
  target_link_libraries(${name} PRIVATE ssm::ssm)
  install(TARGETS ${name} EXPORT ssmTargets DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
