# Gush's import as its users write jobs: one class a step, the report gets what its parents put out.
require_relative '../reeve'

class FetchJob < Reeve::Job
  def perform
    output "https://example.org/#{params[:file]}".length
  end
end

class ReportJob < Reeve::Job
  def perform
    output(total: payloads.sum { |parent| parent[:output] })
  end
end

Reeve.work FetchJob, ReportJob
